// What the allocator is told about a router. It holds for the whole process: a router is the main
// thing in its process.

import CMemory

enum Heap {
    /// Free memory up to this much stays with the process, in bytes, and no smaller buffer is a
    /// mapping of its own. By itself the allocator returns what a burst of large messages took as
    /// soon as they are written, and faults it in again page by page for the next.
    private static let kept: Int32 = 32 << 20

    static func prepare(loops: Int) {
        // Other threads come and go; a heap for each of them would keep what once was in use there.
        mallopt(M_ARENA_MAX, Int32(clamping: loops))
        mallopt(M_TRIM_THRESHOLD, kept)
        mallopt(M_MMAP_THRESHOLD, kept)
    }

    /// Gives all that is free back to the system. It looks at every page, which takes a while.
    static func giveBack() { malloc_trim(0) }
}
