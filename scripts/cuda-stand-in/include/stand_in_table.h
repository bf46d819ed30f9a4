// What kernels that were compiled for the processor and the stand-in for the driver know of each other.
#pragma once
#include <cstddef>

namespace stand_in {

struct Dim {
    unsigned x, y, z;
};

struct Position {
    Dim thread, block, block_dim, grid_dim;
    char *shared;
};

struct Table {
    Position *position;
    void (*sync_block)();
    void (*sync_warp)();
    const unsigned char *(*exchange)(const void *, size_t);
    void (*yield)();
    unsigned (*active)();
    int (*lane)();
};

} // namespace stand_in
