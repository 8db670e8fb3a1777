// Messages to and from DEFLATE, each on its own: no message refers to one before it, so one
// compressor and one expander serve all connections of a loop. Spec: RFC 7692, 7.2.

import CZlib
import NIOCore

/// Compresses messages. On one loop only.
final class Deflater {
    /// Messages of fewer bytes hardly get any shorter.
    static let shortest = 64
    /// What ends compressed data that is flushed; it is not sent.
    fileprivate static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]

    /// zlib keeps its address.
    private let stream: UnsafeMutablePointer<z_stream>
    private let isReady: Bool

    /// - Parameter bits: of the window, 9 to 15.
    init(bits: UInt8) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        isReady = czlib_deflate_init(stream, Int32(bits), 8) == Z_OK
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Appends the compressed form of a message.
    /// - Returns: false if it could not be compressed; what was appended is of no use.
    func compress(_ message: UnsafeRawBufferPointer, into target: inout ByteBuffer) -> Bool {
        guard isReady, let start = message.baseAddress, deflateReset(stream) == Z_OK,
            let count = UInt32(exactly: message.count), count < UInt32.max / 2
        else { return false }
        // zlib does not write through this pointer.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: start.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = count
        let bound = Int(deflateBound(stream, UInt(count))) + 16
        var result = Z_OK
        repeat {
            target.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { room in
                stream.write(to: room) { result = deflate(stream, Z_SYNC_FLUSH) }
            }
        } while result == Z_OK && stream.pointee.avail_out == 0
        guard result == Z_OK || result == Z_BUF_ERROR, stream.pointee.avail_in == 0,
            target.readableBytes >= Deflater.tail.count
        else { return false }
        target.moveWriterIndex(to: target.writerIndex - Deflater.tail.count)
        return true
    }
}

/// Expands messages. On one loop only.
final class Inflater {
    enum Outcome: Equatable {
        case complete
        /// It would be longer than the limit.
        case tooLong
        case corrupt
    }

    private let stream: UnsafeMutablePointer<z_stream>
    private let isReady: Bool

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        isReady = czlib_inflate_init(stream, 15) == Z_OK
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Appends the message of compressed data, of which never more than the limit is written.
    func expand(
        _ data: UnsafeRawBufferPointer, limit: Int, into target: inout ByteBuffer
    ) -> Outcome {
        guard isReady, inflateReset(stream) == Z_OK else { return .corrupt }
        let start = target.writerIndex
        for piece in [data, UnsafeRawBufferPointer(start: nil, count: 0)] {
            let outcome =
                piece.baseAddress == nil
                ? Deflater.tail.withUnsafeBytes { take($0, limit: limit, start, &target) }
                : take(piece, limit: limit, start, &target)
            guard outcome == .complete else { return outcome }
        }
        // The end must be one of a block: 128 says so.
        return stream.pointee.data_type & 128 != 0 ? .complete : .corrupt
    }

    private func take(
        _ data: UnsafeRawBufferPointer, limit: Int, _ start: Int, _ target: inout ByteBuffer
    ) -> Outcome {
        guard let base = data.baseAddress, let count = UInt32(exactly: data.count) else {
            return .corrupt
        }
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: base.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = count
        while true {
            let written = target.writerIndex - start
            // One more than allowed shows that there is more.
            let room = min(limit + 1 - written, max(16 << 10, written))
            guard room > 0 else { return .tooLong }
            var result = Z_OK
            target.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { memory in
                let room = UnsafeMutableRawBufferPointer(rebasing: memory.prefix(room))
                return stream.write(to: room) { result = inflate(stream, Z_SYNC_FLUSH) }
            }
            switch result {
            case Z_OK, Z_BUF_ERROR:
                if target.writerIndex - start > limit { return .tooLong }
                if stream.pointee.avail_out > 0 {
                    return stream.pointee.avail_in == 0 ? .complete : .corrupt
                }
            case Z_STREAM_END:
                // A block that calls itself the last one; what follows begins anew.
                if target.writerIndex - start > limit { return .tooLong }
                guard inflateReset(stream) == Z_OK else { return .corrupt }
                if stream.pointee.avail_in == 0 { return .complete }
            default: return .corrupt
            }
        }
    }
}

extension UnsafeMutablePointer<z_stream> {
    /// Runs a step that writes to `room`.
    /// - Returns: how many bytes it wrote.
    fileprivate func write(to room: UnsafeMutableRawBufferPointer, _ step: () -> Void) -> Int {
        let count = UInt32(clamping: room.count)
        pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
        pointee.avail_out = count
        step()
        return Int(count - pointee.avail_out)
    }
}
