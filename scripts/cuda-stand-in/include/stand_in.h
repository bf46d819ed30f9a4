// CUDA C++ as far as CubeCL's kernels use it, for g++ on a processor.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <type_traits>
#include <utility>

#include "stand_in_table.h"

inline stand_in::Table stand_in_table;

#define __global__
#define __device__
#define __host__
#define __shared__
#define __forceinline__ inline
#define __align__(n) alignas(n)
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __grid_constant__
#define threadIdx (::stand_in_table.position->thread)
#define blockIdx (::stand_in_table.position->block)
#define blockDim (::stand_in_table.position->block_dim)
#define gridDim (::stand_in_table.position->grid_dim)
#define warpSize 32

struct alignas(8) uint2 { unsigned x, y; };
struct uint3 { unsigned x, y, z; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct dim3 { unsigned x = 1, y = 1, z = 1; };

namespace stand_in {

template <class... A, size_t... I> void call(void (*f)(A...), void **values, std::index_sequence<I...>) {
    f(*static_cast<std::remove_cv_t<std::remove_reference_t<A>> *>(values[I])...);
}
template <class... A> void call(void (*f)(A...), void **values) { call(f, values, std::index_sequence_for<A...>()); }

inline float from_bits(uint32_t bits) { float value; std::memcpy(&value, &bits, 4); return value; }
inline uint32_t to_bits(float value) { uint32_t bits; std::memcpy(&bits, &value, 4); return bits; }

struct Brain {
    static uint16_t pack(float value) {
        uint32_t bits = to_bits(value);
        if (std::isnan(value)) return uint16_t(0x7FFF);
        return uint16_t((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
    static float unpack(uint16_t bits) { return from_bits(uint32_t(bits) << 16); }
};
struct Ieee {
    static uint16_t pack(float value) { _Float16 half = _Float16(value); uint16_t bits; std::memcpy(&bits, &half, 2); return bits; }
    static float unpack(uint16_t bits) { _Float16 half; std::memcpy(&half, &bits, 2); return float(half); }
};

// A number of sixteen bits; arithmetic in f32, rounded after each operation.
template <class Format> struct Small {
    uint16_t bits;
    Small() = default;
    template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>> Small(T value) : bits(Format::pack(float(value))) {}
    operator float() const { return Format::unpack(bits); }
};

#define STAND_IN_OPERATOR(op)                                                                                                     \
    template <class F> Small<F> operator op(Small<F> a, Small<F> b) { return Small<F>(float(a) op float(b)); }
STAND_IN_OPERATOR(+) STAND_IN_OPERATOR(-) STAND_IN_OPERATOR(*) STAND_IN_OPERATOR(/)
#undef STAND_IN_OPERATOR
template <class F> Small<F> operator-(Small<F> a) { return Small<F>(-float(a)); }
template <class F> Small<F> &operator+=(Small<F> &a, Small<F> b) { return a = a + b; }
template <class F> Small<F> &operator*=(Small<F> &a, Small<F> b) { return a = a * b; }

template <class F> struct alignas(4) Pair {
    Small<F> x, y;
    Pair() = default;
    Pair(Small<F> x, Small<F> y) : x(x), y(y) {}
    explicit Pair(Small<F> both) : x(both), y(both) {}
};
#define STAND_IN_OPERATOR(op)                                                                                                     \
    template <class F> Pair<F> operator op(Pair<F> a, Pair<F> b) { return Pair<F>(a.x op b.x, a.y op b.y); }
STAND_IN_OPERATOR(+) STAND_IN_OPERATOR(-) STAND_IN_OPERATOR(*) STAND_IN_OPERATOR(/)
#undef STAND_IN_OPERATOR
template <class F> Pair<F> operator-(Pair<F> a) { return Pair<F>(-a.x, -a.y); }

// The instructions that CubeCL writes as assembly.
struct Operand { void *address; size_t size; };
template <class T> Operand operand(const T &value) { return {const_cast<void *>(static_cast<const void *>(&value)), sizeof(T)}; }

template <class Format> void multiply_16_8_16(const Operand *o) {
    // PTX's fragments of m16n8k16: four registers of A, two of B, four numbers of C and D a lane.
    struct Given { uint32_t a[4], b[2]; } mine;
    for (int i = 0; i < 4; i++) std::memcpy(&mine.a[i], o[4 + i].address, 4);
    for (int i = 0; i < 2; i++) std::memcpy(&mine.b[i], o[8 + i].address, 4);
    const unsigned char *all = stand_in_table.exchange(&mine, sizeof mine);
    auto of_lane = [&](int lane) { Given given; std::memcpy(&given, all + 64 * lane, sizeof given); return given; };
    auto half = [](uint32_t pair, int which) { return Format::unpack(uint16_t(pair >> (16 * which))); };
    int lane = stand_in_table.lane(), group = lane / 4, inside = lane % 4;
    for (int i = 0; i < 4; i++) {
        int row = group + (i / 2) * 8, column = inside * 2 + i % 2;
        float sum;
        std::memcpy(&sum, o[10 + i].address, 4);
        for (int k = 0; k < 16; k++) {
            Given a = of_lane((row % 8) * 4 + (k % 8) / 2), b = of_lane(column * 4 + (k % 8) / 2);
            sum += half(a.a[row / 8 + 2 * (k / 8)], k % 2) * half(b.b[k / 8], k % 2);
        }
        std::memcpy(o[i].address, &sum, 4);
    }
}

inline bool starts(const char *text, const char *with) { return std::strncmp(text, with, std::strlen(with)) == 0; }

template <class T> T fetch_add(const Operand *o) {
    T *address, added, before;
    std::memcpy(&address, o[1].address, sizeof address);
    std::memcpy(&added, o[2].address, sizeof added);
    before = *address;
    *address = before + added;
    std::memcpy(o[0].address, &before, sizeof before);
    stand_in_table.yield();
    return before;
}

inline void assembly(const char *text, std::initializer_list<Operand> operands) {
    const Operand *o = operands.begin();
    if (starts(text, "atom.relaxed.add.u32")) { fetch_add<uint32_t>(o); return; }
    if (starts(text, "atom.relaxed.add.u64")) { fetch_add<uint64_t>(o); return; }
    if (starts(text, "atom.relaxed.add.f32")) { fetch_add<float>(o); return; }
    if (starts(text, "mma.sync.aligned.m16n8k16.row.col.f32.bf16")) return multiply_16_8_16<Brain>(o);
    if (starts(text, "mma.sync.aligned.m16n8k16.row.col.f32.f16")) return multiply_16_8_16<Ieee>(o);
    std::fprintf(stderr, "stand-in for CUDA: no such assembly: %s (%zu operands)\n", text, operands.size());
    std::abort();
}
template <class... T> void assembly_of(const char *text, const T &...values) { assembly(text, {operand(values)...}); }

template <class T> T from_lane(T value, int from) {
    const unsigned char *all = stand_in_table.exchange(&value, sizeof value);
    std::memcpy(&value, all + 64 * (from & 31), sizeof value);
    return value;
}
inline bool any(bool value, bool all_of_them) {
    unsigned char mine = value;
    const unsigned char *all = stand_in_table.exchange(&mine, 1);
    unsigned mask = stand_in_table.active();
    bool some = false, every = true;
    for (int i = 0; i < 32; i++) if (mask >> i & 1) { some |= all[64 * i]; every &= all[64 * i] != 0; }
    return all_of_them ? every : some;
}

} // namespace stand_in

#define STAND_IN_ASM(...) ::stand_in::assembly_of(__VA_ARGS__)
#define STAND_IN_KERNEL(name, how)                                                                                                \
    extern "C" { extern const char stand_in_mode; const char stand_in_mode = how; void stand_in_call(void **values) { ::stand_in::call(&name, values); } }

using __nv_bfloat16 = stand_in::Small<stand_in::Brain>;
using __half = stand_in::Small<stand_in::Ieee>;
using half = __half;
using __nv_bfloat162 = stand_in::Pair<stand_in::Brain>;
using __half2 = stand_in::Pair<stand_in::Ieee>;

inline void __syncthreads() { stand_in_table.sync_block(); }
inline void __syncwarp(unsigned = ~0u) { stand_in_table.sync_warp(); }
inline void __threadfence() { if (stand_in_table.yield) stand_in_table.yield(); }
inline void __threadfence_block() {}
inline unsigned __activemask() { return stand_in_table.active(); }
inline int stand_in_lane() { return stand_in_table.lane(); }

template <class T> T __shfl_sync(unsigned, T value, int lane, int = 32) { return stand_in::from_lane(value, lane); }
template <class T> T __shfl_xor_sync(unsigned, T value, int mask, int = 32) { return stand_in::from_lane(value, stand_in_lane() ^ mask); }
template <class T> T __shfl_up_sync(unsigned, T value, unsigned delta, int = 32) {
    int from = stand_in_lane() - int(delta);
    return stand_in::from_lane(value, from < 0 ? stand_in_lane() : from);
}
template <class T> T __shfl_down_sync(unsigned, T value, unsigned delta, int = 32) {
    int from = stand_in_lane() + int(delta);
    return stand_in::from_lane(value, from > 31 ? stand_in_lane() : from);
}
inline bool __all_sync(unsigned, bool value) { return stand_in::any(value, true); }
inline bool __any_sync(unsigned, bool value) { return stand_in::any(value, false); }

template <class T> T atomicExch(T *address, T value) { T before = *address; *address = value; stand_in_table.yield(); return before; }
template <class T> T atomicCAS(T *address, T expected, T value) { T before = *address; if (before == expected) *address = value; stand_in_table.yield(); return before; }
template <class T> T atomicAdd(T *address, T value) { T before = *address; *address = before + value; stand_in_table.yield(); return before; }

using std::max;
using std::min;
using std::isnan;
using std::isinf;
template <class A, class B, class = std::enable_if_t<!std::is_same_v<A, B>>> auto min(A a, B b) { return a < b ? a : b; }
template <class A, class B, class = std::enable_if_t<!std::is_same_v<A, B>>> auto max(A a, B b) { return a > b ? a : b; }
inline float rsqrt(float x) { return 1.0f / std::sqrt(x); }
inline double rsqrt(double x) { return 1.0 / std::sqrt(x); }
using std::abs; using std::exp; using std::log; using std::sqrt; using std::tanh; using std::sin; using std::cos; using std::pow; using std::floor; using std::ceil; using std::rint; using std::trunc; using std::erf; using std::fma; using std::fabs;
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(unsigned x) { return x ? __builtin_clz(x) : 32; }
inline int __ffs(unsigned x) { return __builtin_ffs(int(x)); }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((uint64_t(a) * b) >> 32); }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float __frsqrt_rn(float x) { return 1.0f / std::sqrt(x); }
inline float __powf(float a, float b) { return std::pow(a, b); }
inline float __sinf(float x) { return std::sin(x); }
inline float __cosf(float x) { return std::cos(x); }
inline float __tanhf(float x) { return std::tanh(x); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }

#define STAND_IN_HALF(name, value)                                                                                                \
    template <class F> stand_in::Small<F> h##name(stand_in::Small<F> x_) { float x = x_; return stand_in::Small<F>(value); }      \
    template <class F> stand_in::Pair<F> h2##name(stand_in::Pair<F> p) { return {h##name(p.x), h##name(p.y)}; }
STAND_IN_HALF(exp, std::exp(x)) STAND_IN_HALF(log, std::log(x)) STAND_IN_HALF(sqrt, std::sqrt(x)) STAND_IN_HALF(rsqrt, 1.0f / std::sqrt(x))
STAND_IN_HALF(tanh, std::tanh(x)) STAND_IN_HALF(sin, std::sin(x)) STAND_IN_HALF(cos, std::cos(x)) STAND_IN_HALF(floor, std::floor(x))
STAND_IN_HALF(ceil, std::ceil(x)) STAND_IN_HALF(rint, std::rint(x)) STAND_IN_HALF(trunc, std::trunc(x)) STAND_IN_HALF(rcp, 1.0f / x)
#undef STAND_IN_HALF
template <class F> stand_in::Small<F> __habs(stand_in::Small<F> x) { return stand_in::Small<F>(std::fabs(float(x))); }
template <class F> stand_in::Small<F> __hmax(stand_in::Small<F> a, stand_in::Small<F> b) { return float(a) > float(b) ? a : b; }
template <class F> stand_in::Small<F> __hmin(stand_in::Small<F> a, stand_in::Small<F> b) { return float(a) < float(b) ? a : b; }
template <class F> stand_in::Small<F> __hfma(stand_in::Small<F> a, stand_in::Small<F> b, stand_in::Small<F> c) { return stand_in::Small<F>(std::fma(float(a), float(b), float(c))); }
template <class F> stand_in::Pair<F> __hfma2(stand_in::Pair<F> a, stand_in::Pair<F> b, stand_in::Pair<F> c) { return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)}; }
template <class F> stand_in::Pair<F> __hmax2(stand_in::Pair<F> a, stand_in::Pair<F> b) { return {__hmax(a.x, b.x), __hmax(a.y, b.y)}; }
template <class F> stand_in::Pair<F> __hmin2(stand_in::Pair<F> a, stand_in::Pair<F> b) { return {__hmin(a.x, b.x), __hmin(a.y, b.y)}; }
template <class F> stand_in::Pair<F> __habs2(stand_in::Pair<F> a) { return {__habs(a.x), __habs(a.y)}; }
template <class F> bool __hisnan(stand_in::Small<F> x) { return std::isnan(float(x)); }
template <class F> bool __hisinf(stand_in::Small<F> x) { return std::isinf(float(x)); }

namespace nvcuda { namespace wmma {

struct matrix_a; struct matrix_b; struct accumulator; struct row_major; struct col_major;
enum layout_t { mem_row_major, mem_col_major };
namespace precision { struct tf32; }

inline float __float_to_tf32(float x) { return stand_in::from_bits((stand_in::to_bits(x) + 0x1000) & 0xFFFFE000u); }

template <class T> struct Stored { using type = T; };
template <> struct Stored<precision::tf32> { using type = float; };

// Every lane holds the whole matrix; what lanes do with it at once is done after they met.
template <class Use, int M, int N, int K, class T, class Layout = void> struct fragment {
    static constexpr int rows = std::is_same_v<Use, matrix_b> ? K : M, columns = std::is_same_v<Use, matrix_a> ? K : N;
    static constexpr int num_elements = rows * columns;
    using Number = typename Stored<T>::type;
    Number x[num_elements];
};

// What the hardware asks of addresses and strides.
template <class P> void check(const P *at, unsigned stride) {
    if (reinterpret_cast<uintptr_t>(at) % 32 != 0 || stride * sizeof(P) % 16 != 0) {
        std::fprintf(stderr, "stand-in for CUDA: a matrix at %p with stride %u is not aligned\n", static_cast<const void *>(at), stride);
        std::abort();
    }
}

template <class U, int M, int N, int K, class T, class L, class V> void fill_fragment(fragment<U, M, N, K, T, L> &f, V value) {
    for (auto &x : f.x) x = typename Stored<T>::type(value);
}

template <class U, int M, int N, int K, class T, class L, class P> void load_matrix_sync(fragment<U, M, N, K, T, L> &f, const P *from, unsigned stride) {
    check(from, stride);
    stand_in_table.sync_warp();
    for (int i = 0; i < f.rows; i++)
        for (int j = 0; j < f.columns; j++)
            f.x[i * f.columns + j] = from[std::is_same_v<L, row_major> ? i * size_t(stride) + j : j * size_t(stride) + i];
}
template <int M, int N, int K, class T, class P> void load_matrix_sync(fragment<accumulator, M, N, K, T> &f, const P *from, unsigned stride, layout_t layout) {
    check(from, stride);
    stand_in_table.sync_warp();
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) f.x[i * N + j] = from[layout == mem_row_major ? i * size_t(stride) + j : j * size_t(stride) + i];
}
template <int M, int N, int K, class T, class P> void store_matrix_sync(P *to, const fragment<accumulator, M, N, K, T> &f, unsigned stride, layout_t layout) {
    check(static_cast<const P *>(to), stride);
    stand_in_table.sync_warp();
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) to[layout == mem_row_major ? i * size_t(stride) + j : j * size_t(stride) + i] = f.x[i * N + j];
    stand_in_table.sync_warp();
}
template <int M, int N, int K, class D, class A, class LA, class B, class LB, class C>
void multiply(fragment<accumulator, M, N, K, D> &d, const fragment<matrix_a, M, N, K, A, LA> &a, const fragment<matrix_b, M, N, K, B, LB> &b,
              const fragment<accumulator, M, N, K, C> &c) {
    float right[K * N], sums[N];
    for (int i = 0; i < K * N; i++) right[i] = float(b.x[i]);
    for (int i = 0; i < M; i++) {
        for (int j = 0; j < N; j++) sums[j] = float(c.x[i * N + j]);
        for (int k = 0; k < K; k++) {
            float left = float(a.x[i * K + k]);
            for (int j = 0; j < N; j++) sums[j] += left * right[k * N + j];
        }
        for (int j = 0; j < N; j++) d.x[i * N + j] = sums[j];
    }
}
template <int M, int N, int K, class D, class A, class LA, class B, class LB, class C>
void mma_sync(fragment<accumulator, M, N, K, D> &d, const fragment<matrix_a, M, N, K, A, LA> &a, const fragment<matrix_b, M, N, K, B, LB> &b,
              const fragment<accumulator, M, N, K, C> &c) {
    // All lanes hold the same matrices: the first computes, and the others copy what it got.
    auto *first = &d;
    const unsigned char *given = stand_in_table.exchange(&first, sizeof first);
    std::memcpy(&first, given, sizeof first);
    if (stand_in_table.lane() == 0) multiply(d, a, b, c);
    stand_in_table.sync_warp();
    if (first != &d) d = *first;
    stand_in_table.sync_warp();
}

} } // namespace nvcuda::wmma
