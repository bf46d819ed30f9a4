// A stand-in for libcuda: kernels that the stand-in for NVRTC compiled for this processor are run here, launch by
// launch, in the thread that launches them. Memory of the device is memory of the host, streams have nothing to wait
// for. Units that must meet (__syncthreads, warps) are fibers; where a kernel waits for the whole grid, all of its
// cubes are alive at once. It shows what kernels compute, nothing of how fast a GPU is. Linux on x86-64.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <vector>

#include "include/stand_in_table.h"

using stand_in::Dim;
using stand_in::Position;
using stand_in::Table;

namespace {

constexpr size_t STACK = 128 * 1024;
constexpr int WARP = 32;

enum class State { Ready, InWarp, InBlock, Done };

struct Block;

struct Warp {
    int alive = 0, waiting = 0;
    unsigned turn = 0;
    alignas(16) unsigned char slots[2][WARP][64];
};

struct Fiber {
    void *stack = nullptr, *pointer = nullptr;
    State state = State::Done;
    Position position;
    Block *block = nullptr;
    Warp *warp = nullptr;
    int lane = 0;
};

struct Block {
    int alive = 0, waiting = 0;
    std::vector<Warp> warps;
    std::vector<Fiber *> fibers;
    std::vector<char> shared;
};

struct Kernel {
    std::string name;
    void (*call)(void **) = nullptr;
    Table *table = nullptr;
    char mode = 'a';
    int shared = 0;
};

std::mutex launching;
std::vector<Fiber *> pool;
Fiber *current = nullptr;
void *scheduler = nullptr;
const Kernel *running = nullptr;
void **arguments = nullptr;

// Saves the registers that a call keeps, and goes on on another stack.
extern "C" void stand_in_switch(void **from, void *to);
asm(R"(
.globl stand_in_switch
.hidden stand_in_switch
stand_in_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

[[noreturn]] void fail(const std::string &what) {
    std::fprintf(stderr, "stand-in for CUDA: %s\n", what.c_str());
    std::abort();
}

void leave() { stand_in_switch(&current->pointer, scheduler); }

void release(Block *block) {
    if (block->waiting == 0 || block->waiting < block->alive) return;
    block->waiting = 0;
    for (Fiber *fiber : block->fibers)
        if (fiber->state == State::InBlock) fiber->state = State::Ready;
}

void release(Block *block, Warp *warp) {
    if (warp->waiting == 0) return;
    warp->waiting = 0;
    warp->turn++; // the next exchange must not write what is still being read
    for (Fiber *fiber : block->fibers)
        if (fiber->warp == warp && fiber->state == State::InWarp) fiber->state = State::Ready;
}

void body() {
    running->call(arguments);
    Fiber *fiber = current;
    fiber->state = State::Done;
    fiber->warp->alive--;
    fiber->block->alive--;
    if (fiber->warp->waiting >= fiber->warp->alive) release(fiber->block, fiber->warp);
    release(fiber->block);
    leave();
    fail("a unit that was done went on");
}

void sync_block() {
    current->state = State::InBlock;
    current->block->waiting++;
    release(current->block);
    if (current->state != State::Ready) leave();
}

void sync_warp() {
    Warp *warp = current->warp;
    current->state = State::InWarp;
    warp->waiting++;
    if (warp->waiting >= warp->alive) release(current->block, warp);
    if (current->state != State::Ready) leave();
}

// Gives the warp this unit's bytes and gets those of all 32 lanes, 64 bytes each.
const unsigned char *exchange(const void *bytes, size_t size) {
    Warp *warp = current->warp;
    if (size > 64) fail("an exchange of more than 64 bytes");
    unsigned turn = warp->turn & 1;
    std::memcpy(warp->slots[turn][current->lane], bytes, size);
    sync_warp();
    return &warp->slots[turn][0][0];
}

void yield() {
    if (running->mode == 'c') leave();
}

unsigned active() {
    unsigned mask = 0;
    for (Fiber *fiber : current->block->fibers)
        if (fiber->warp == current->warp && fiber->state != State::Done) mask |= 1u << fiber->lane;
    return mask;
}

int lane() { return current->lane; }

Fiber *fiber(size_t index) {
    while (pool.size() <= index) {
        Fiber *made = new Fiber;
        made->stack = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (made->stack == MAP_FAILED) fail("no room for the stack of a unit");
        pool.push_back(made);
    }
    return pool[index];
}

void prepare(Fiber *fiber) {
    char *top = static_cast<char *>(fiber->stack) + STACK - 64;
    void **frame = reinterpret_cast<void **>(top);
    *--frame = nullptr;
    *--frame = reinterpret_cast<void *>(&body);
    for (int i = 0; i < 6; i++) *--frame = nullptr;
    fiber->pointer = frame;
    fiber->state = State::Ready;
}

void start(Block &block, size_t first, Dim at, Dim grid, Dim dim, int shared) {
    size_t count = size_t(dim.x) * dim.y * dim.z;
    block.alive = int(count);
    block.waiting = 0;
    block.warps.assign((count + WARP - 1) / WARP, Warp());
    block.shared.assign(shared + 1024, char(0xAA));
    block.fibers.clear();
    char *aligned = reinterpret_cast<char *>((reinterpret_cast<uintptr_t>(block.shared.data()) + 511) & ~uintptr_t(511));
    for (size_t unit = 0; unit < count; unit++) {
        Fiber *one = fiber(first + unit);
        Dim thread = {unsigned(unit % dim.x), unsigned(unit / dim.x % dim.y), unsigned(unit / dim.x / dim.y)};
        one->position = {thread, at, dim, grid, aligned};
        one->block = &block;
        one->warp = &block.warps[unit / WARP];
        one->lane = int(unit % WARP);
        one->warp->alive++;
        prepare(one);
        block.fibers.push_back(one);
    }
}

bool step(Block &block) {
    bool moved = false;
    for (Fiber *one : block.fibers) {
        if (one->state != State::Ready) continue;
        moved = true;
        current = one;
        running->table->position = &one->position;
        stand_in_switch(&scheduler, one->pointer);
    }
    return moved;
}

// Part of a warp waits for lanes that went another way: those that wait are the active ones.
bool part(Block &block) {
    for (Warp &warp : block.warps)
        if (warp.waiting > 0) {
            release(&block, &warp);
            return true;
        }
    return false;
}

bool done(const Block &block) { return block.alive == 0; }

void run_blocks(std::vector<Block> &blocks) {
    for (;;) {
        bool moved = false, finished = true;
        for (Block &block : blocks) {
            if (done(block)) continue;
            moved |= step(block);
            finished &= done(block);
        }
        if (finished) return;
        if (moved) continue;
        for (Block &block : blocks) moved |= part(block);
        if (!moved) fail("units of " + running->name + " wait for each other");
    }
}

template <class F> void each_block(Dim grid, F f) {
    for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
            for (unsigned x = 0; x < grid.x; x++) f(Dim{x, y, z});
}

void run_alone(Dim grid, Dim dim, int shared) {
    std::vector<char> memory(shared + 1024, char(0xAA));
    Position position{{0, 0, 0}, {0, 0, 0}, dim, grid, memory.data()};
    running->table->position = &position;
    each_block(grid, [&](Dim at) {
        position.block = at;
        each_block(dim, [&](Dim thread) {
            position.thread = thread;
            running->call(arguments);
        });
    });
}

void run(const Kernel &kernel, Dim grid, Dim dim, int shared, void **values) {
    std::lock_guard<std::mutex> guard(launching);
    running = &kernel;
    arguments = values;
    size_t count = size_t(dim.x) * dim.y * dim.z;
    if (kernel.mode == 'a') return run_alone(grid, dim, shared);
    std::vector<Block> blocks(1);
    if (kernel.mode == 'b') {
        each_block(grid, [&](Dim at) {
            start(blocks[0], 0, at, grid, dim, shared);
            run_blocks(blocks);
        });
        return;
    }
    // As on a GPU that has no room for one of them.
    const bool misses = std::getenv("STAND_IN_MISSING") != nullptr && size_t(grid.x) * grid.y * grid.z > 1;
    blocks.resize(size_t(grid.x) * grid.y * grid.z - misses);
    size_t index = 0;
    each_block(grid, [&](Dim at) {
        if (index == blocks.size()) return;
        start(blocks[index], index * count, at, grid, dim, shared);
        index++;
    });
    run_blocks(blocks);
}

const char *setting(const char *name, const char *otherwise) {
    const char *value = std::getenv(name);
    return value && *value ? value : otherwise;
}

uint64_t memory_size() { return std::strtoull(setting("STAND_IN_MEMORY", "8589934592"), nullptr, 10); }
std::mutex counting;
uint64_t used = 0;

int allocate(void **address, size_t size) {
    std::lock_guard<std::mutex> guard(counting);
    if (used + size > memory_size()) return 2; // out of memory
    char *memory = static_cast<char *>(std::aligned_alloc(512, (size + 512 + 511) / 512 * 512));
    if (!memory) return 2;
    std::memset(memory, 0xAA, size + 512);
    std::memcpy(memory, &size, sizeof size);
    used += size;
    *address = memory + 512;
    return 0;
}

int release_memory(void *address) {
    if (!address) return 0;
    char *memory = static_cast<char *>(address) - 512;
    size_t size;
    std::memcpy(&size, memory, sizeof size);
    std::lock_guard<std::mutex> guard(counting);
    used -= size;
    std::free(memory);
    return 0;
}

int attribute(int which) {
    switch (which) {
    case 1: return 1024;             // threads a block
    case 2: case 3: return 1024;     // block
    case 4: return 64;
    case 5: return 2147483647;       // grid
    case 6: case 7: return 65535;
    case 8: return 49152;            // shared memory
    case 10: return WARP;
    case 16: return std::atoi(setting("STAND_IN_PROCESSORS", "8"));
    case 75: return std::atoi(setting("STAND_IN_ARCHITECTURE", "80")) / 10;
    case 76: return std::atoi(setting("STAND_IN_ARCHITECTURE", "80")) % 10;
    case 97: return 232448;          // shared memory that a block may ask for
    case 31: case 41: case 115: return 1;
    default: return 0;
    }
}

} // namespace

extern "C" {

#define GIVE(type, value) do { *static_cast<type *>(out) = (value); return 0; } while (0)

int cuInit(unsigned) { return 0; }
int cuDriverGetVersion(void *out) { GIVE(int, 13000); }
int cuDeviceGetCount(void *out) { GIVE(int, std::atoi(setting("STAND_IN_DEVICES", "1"))); }
int cuDeviceGet(void *out, int index) { GIVE(int, index); }
int cuDeviceGetName(char *name, int size, int) { std::snprintf(name, size_t(size), "stand-in"); return 0; }
int cuDeviceGetAttribute(void *out, int which, int) { GIVE(int, attribute(which)); }
int cuDeviceTotalMem_v2(void *out, int) { GIVE(size_t, memory_size()); }
int cuDeviceGetPCIBusId(char *, int, int) { return 100; }
int cuDeviceGetUuid_v2(void *out, int) { std::memset(out, 0, 16); return 0; }
int cuDevicePrimaryCtxRetain(void *out, int device) { GIVE(uintptr_t, uintptr_t(device) + 1); }
int cuDevicePrimaryCtxRelease_v2(int) { return 0; }
int cuCtxSetCurrent(void *) { return 0; }
int cuCtxGetCurrent(void *out) { GIVE(uintptr_t, 1); }
int cuCtxSynchronize() { return 0; }
int cuCtxGetStreamPriorityRange(int *least, int *greatest) { *least = *greatest = 0; return 0; }
int cuCtxSetFlags(unsigned) { return 0; }
int cuMemGetInfo_v2(size_t *unused, size_t *total) { *total = memory_size(); *unused = *total - used; return 0; }
int cuMemAlloc_v2(void **out, size_t size) { return allocate(out, size); }
int cuMemAllocAsync(void **out, size_t size, void *) { return allocate(out, size); }
int cuMemFree_v2(void *address) { return release_memory(address); }
int cuMemFreeAsync(void *address, void *) { return release_memory(address); }
int cuMemAllocHost_v2(void **out, size_t size) { *out = std::aligned_alloc(512, (size + 511) / 512 * 512); return *out ? 0 : 2; }
int cuMemHostAlloc(void **out, size_t size, unsigned) { return cuMemAllocHost_v2(out, size); }
int cuMemFreeHost(void *address) { std::free(address); return 0; }
int cuMemcpyHtoDAsync_v2(void *to, const void *from, size_t size, void *) { std::memcpy(to, from, size); return 0; }
int cuMemcpyDtoHAsync_v2(void *to, const void *from, size_t size, void *) { std::memcpy(to, from, size); return 0; }
int cuMemcpyDtoDAsync_v2(void *to, const void *from, size_t size, void *) { std::memmove(to, from, size); return 0; }
int cuMemcpyHtoD_v2(void *to, const void *from, size_t size) { std::memcpy(to, from, size); return 0; }
int cuMemcpyDtoH_v2(void *to, const void *from, size_t size) { std::memcpy(to, from, size); return 0; }
int cuMemsetD8Async(void *to, unsigned char value, size_t size, void *) { std::memset(to, value, size); return 0; }
int cuStreamCreate(void *out, unsigned) { GIVE(uintptr_t, 1); }
int cuStreamCreateWithPriority(void *out, unsigned, int) { GIVE(uintptr_t, 1); }
int cuStreamDestroy_v2(void *) { return 0; }
int cuStreamSynchronize(void *) { return 0; }
int cuStreamWaitEvent(void *, void *, unsigned) { return 0; }
int cuStreamIsCapturing(void *, void *out) { GIVE(int, 0); }
int cuLaunchHostFunc(void *, void (*f)(void *), void *data) { f(data); return 0; }

int cuEventCreate(void **out, unsigned) { *out = std::calloc(1, sizeof(timespec)); return 0; }
int cuEventDestroy_v2(void *event) { std::free(event); return 0; }
int cuEventRecord(void *event, void *) { clock_gettime(CLOCK_MONOTONIC, static_cast<timespec *>(event)); return 0; }
int cuEventSynchronize(void *) { return 0; }
int cuEventQuery(void *) { return 0; }
int cuEventElapsedTime_v2(float *out, const timespec *from, const timespec *to) {
    *out = float(to->tv_sec - from->tv_sec) * 1e3f + float(to->tv_nsec - from->tv_nsec) * 1e-6f;
    return 0;
}
int cuEventElapsedTime(float *out, const timespec *from, const timespec *to) { return cuEventElapsedTime_v2(out, from, to); }

int cuGetErrorName(int code, const char **out) { *out = code == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR"; return 0; }
int cuGetErrorString(int code, const char **out) { *out = code == 2 ? "out of memory" : "an error of the stand-in"; return 0; }

struct CopyOfRows {
    size_t from_x, from_y; unsigned from_kind; const char *from_host; const char *from_device; void *from_array; size_t from_pitch;
    size_t to_x, to_y; unsigned to_kind; char *to_host; char *to_device; void *to_array; size_t to_pitch;
    size_t width, height;
};
int cuMemcpy2DAsync_v2(const CopyOfRows *copy, void *) {
    const char *from = copy->from_kind == 1 ? copy->from_host : copy->from_device;
    char *to = copy->to_kind == 1 ? copy->to_host : copy->to_device;
    for (size_t row = 0; row < copy->height; row++)
        std::memmove(to + (copy->to_y + row) * copy->to_pitch + copy->to_x,
                     from + (copy->from_y + row) * copy->from_pitch + copy->from_x, copy->width);
    return 0;
}

int cuModuleLoadData(void **out, const char *image) {
    const std::string prefix = "stand-in:";
    if (std::strncmp(image, prefix.c_str(), prefix.size()) != 0) return 200; // invalid image
    void *library = dlopen(image + prefix.size(), RTLD_NOW | RTLD_LOCAL);
    if (!library) fail(dlerror());
    *out = library;
    return 0;
}
int cuModuleUnload(void *) { return 0; }
int cuModuleGetFunction(void **out, void *library, const char *name) {
    Kernel *kernel = new Kernel;
    kernel->name = name;
    kernel->call = reinterpret_cast<void (*)(void **)>(dlsym(library, "stand_in_call"));
    kernel->table = static_cast<Table *>(dlsym(library, "stand_in_table"));
    const char *mode = static_cast<const char *>(dlsym(library, "stand_in_mode"));
    if (!kernel->call || !kernel->table || !mode) return 500; // not found
    kernel->mode = *mode;
    *kernel->table = Table{nullptr, sync_block, sync_warp, exchange, yield, active, lane};
    *out = kernel;
    return 0;
}
int cuFuncSetAttribute(Kernel *kernel, int which, int value) {
    if (which == 8) kernel->shared = value;
    return 0;
}
int cuFuncGetAttribute(void *out, int, void *) { GIVE(int, 0); }

int cuLaunchKernel(Kernel *kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *, void **values, void **) {
    if (std::getenv("STAND_IN_TRACE"))
        std::fprintf(stderr, "%c %s <<<%ux%ux%u, %ux%ux%u, %u>>>\n", kernel->mode, kernel->name.c_str(), gx, gy, gz, bx, by, bz, shared);
    if (size_t(bx) * by * bz > 1024 || shared > 232448) return 1; // invalid value
    run(*kernel, {gx, gy, gz}, {bx, by, bz}, int(shared), values);
    return 0;
}

} // extern "C"
