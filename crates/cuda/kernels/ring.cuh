// Weights on their way through shared memory. Each lane asks for its own pieces some steps ahead and reads
// only those, so that nothing but its own wait orders the two; a warp has a region of its own. What is in
// flight costs no registers, and the first steps are asked for before the kernel in front has ended.
#pragma once
#include "common.cuh"

constexpr u32 MAX_STAGES = 4;

// Asks for the pieces of a step: `Codes::load` names them. What it returns is not used.
struct Send {
    u32 at; // of the warp's stage in shared memory
    __device__ __forceinline__ uint4 next16(const void* from) {
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(at + 16 * lane_id()), "l"(from)
                     : "memory");
        at += 512;
        return make_uint4(0, 0, 0, 0);
    }
    __device__ __forceinline__ u32 next4(const void* from) {
        asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(at + 4 * lane_id()), "l"(from)
                     : "memory");
        at += 128;
        return 0;
    }
};

// Reads the same pieces in the same order, once they have come.
struct Take {
    u32 at;
    __device__ __forceinline__ uint4 next16(const void*) {
        uint4 v;
        asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];"
                     : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                     : "r"(at + 16 * lane_id())
                     : "memory");
        at += 512;
        return v;
    }
    __device__ __forceinline__ u32 next4(const void*) {
        u32 v;
        asm volatile("ld.shared.u32 %0, [%1];" : "=r"(v) : "r"(at + 4 * lane_id()) : "memory");
        at += 128;
        return v;
    }
};

// The stages of a warp. `stages` of them, each of `bytes`, are used in turn.
struct Ring {
    u32 base, stages, bytes, send, take;
    // `room`: of the block's rings; each lane has `lane_bytes` of it, and a step takes `step_bytes`.
    __device__ __forceinline__ Ring(const void* room, u32 lane_bytes, u32 step_bytes) {
        base = (u32)__cvta_generic_to_shared(room) + warp_id() * 32 * lane_bytes;
        stages = min(lane_bytes / step_bytes, MAX_STAGES);
        bytes = 32 * step_bytes;
        send = take = 0;
        // A launch that gave too little room must not write over something else.
        if (stages == 0) asm volatile("trap;");
    }
    __device__ __forceinline__ Send next_send() const { return {base + send * bytes}; }
    __device__ __forceinline__ void sent() {
        asm volatile("cp.async.commit_group;" ::: "memory");
        send = send + 1 == stages ? 0 : send + 1;
    }
    // Waits for the oldest step that was sent.
    __device__ __forceinline__ Take next_take() {
        if (stages == 4) {
            asm volatile("cp.async.wait_group 3;" ::: "memory");
        } else if (stages == 3) {
            asm volatile("cp.async.wait_group 2;" ::: "memory");
        } else if (stages == 2) {
            asm volatile("cp.async.wait_group 1;" ::: "memory");
        } else {
            asm volatile("cp.async.wait_group 0;" ::: "memory");
        }
        const Take from = {base + take * bytes};
        take = take + 1 == stages ? 0 : take + 1;
        return from;
    }
};
