// The end of an outbox's queue: a buffer that is written to through a pointer, because what is
// added is small and comes often.

import NIOCore

struct FrameTail {
    private var buffer = ByteBuffer()
    /// Where the next byte goes; nil while that has to be looked up.
    private var next: UnsafeMutableRawPointer?
    /// How many bytes may be written there.
    private var room = 0
    /// Bytes written that the buffer does not know of.
    private var ahead = 0

    /// The bytes written.
    var count: Int { buffer.readableBytes + ahead }

    /// Memory for at least `count` more bytes. Nothing else may be done before `advance` says how
    /// many were used.
    @inline(__always)
    mutating func reserve(_ count: Int, _ loop: IOLoop) -> UnsafeMutableRawPointer {
        if let next, count <= room { return next }
        return makeRoom(count, loop)
    }

    @inline(__always)
    mutating func advance(_ count: Int) {
        next = next.map { $0 + count }
        room -= count
        ahead += count
    }

    @inline(never)
    private mutating func makeRoom(_ count: Int, _ loop: IOLoop) -> UnsafeMutableRawPointer {
        edit(loop) { $0.reserveCapacity(minimumWritableBytes: count) }
        let end = buffer.writerIndex
        room = buffer.writableBytes
        return buffer.withVeryUnsafeMutableBytes { memory in
            guard let base = memory.baseAddress else {
                preconditionFailure("a buffer with room has memory")
            }
            next = base + end
            return base + end
        }
    }

    /// Runs `body` on the buffer, which has memory.
    mutating func edit(_ loop: IOLoop, _ body: (inout ByteBuffer) -> Void) {
        settle()
        if buffer.capacity == 0 { buffer = loop.takeSpare() }
        body(&buffer)
    }

    /// Takes the buffer out.
    mutating func take() -> ByteBuffer {
        settle()
        var taken = ByteBuffer()
        swap(&taken, &buffer)
        return taken
    }

    private mutating func settle() {
        buffer.moveWriterIndex(forwardBy: ahead)
        ahead = 0
        next = nil
    }
}
