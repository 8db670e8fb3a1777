// A handler in front of a session's own: it takes the frames of the load and writes its own, and
// leaves everything else (pings, GOODBYE, ABORT) to the session behind it.

import Glibc
package import NIOCore
package import WAMP
import WAMPClient
import WAMPTransport

/// Who looks at the frames of a loaded session, on its loop.
package protocol FrameTaker: AnyObject {
    /// - Returns: false if the frame is for the session.
    func take(_ frame: UnsafeRawBufferPointer, from port: LoadPort, at now: Int64) -> Bool
    /// All frames of one read have been taken.
    func readEnded(at now: Int64)
}

extension FrameTaker {
    package func readEnded(at now: Int64) {}
}

/// The ports of one event loop that have something to write: each is flushed once per tick.
// Unchecked: used on the loop only.
package final class LoadTick: @unchecked Sendable {
    package let eventLoop: any EventLoop
    private var dirty: [LoadPort] = []
    private var isScheduled = false

    package init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func mark(_ port: LoadPort) {
        dirty.append(port)
        guard !isScheduled else { return }
        isScheduled = true
        eventLoop.execute { self.flush() }
    }

    private func flush() {
        isScheduled = false
        var flushing: [LoadPort] = []
        swap(&flushing, &dirty)
        for port in flushing { port.flush() }
        if dirty.isEmpty {
            flushing.removeAll(keepingCapacity: true)
            swap(&flushing, &dirty)
        }
    }

    /// The clock of loads, in nanoseconds.
    package static var now: Int64 { Int64(truncatingIfNeeded: NIODeadline.now().uptimeNanoseconds) }
}

// Unchecked: used on the loop only.
package final class LoadPort: ChannelInboundHandler, @unchecked Sendable {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    package let serializer: Serializer
    private let isWebSocket: Bool
    private let tick: LoadTick
    private var taker: (any FrameTaker)?
    private var context: ChannelHandlerContext?
    private var isDirty = false
    private var output = ByteBuffer()
    /// What is larger is not used again; in bytes.
    private static let largestSpare = 256 << 10
    /// The end of what was read, if it is no whole frame.
    private var partial = ByteBuffer()
    /// The session got something of what was read.
    private var sessionHasRead = false
    /// A fragmented WebSocket message.
    private var fragments: ByteBuffer?
    private var key: UInt32 = .random(in: 1 ... .max)

    init(_ session: DirectSession, tick: LoadTick, taker: any FrameTaker) {
        serializer = session.serializer
        isWebSocket = session.framing == .webSocket
        self.tick = tick
        self.taker = taker
    }

    package func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    package func handlerRemoved(context: ChannelHandlerContext) { release() }

    package func channelInactive(context: ChannelHandlerContext) {
        release()
        context.fireChannelInactive()
    }

    private func release() {
        context = nil
        taker = nil
    }

    /// Whether what is written can reach the router.
    package var isOpen: Bool { context != nil }

    // Reading.

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = unwrapInboundIn(data)
        if partial.readableBytes > 0 {
            partial.writeBuffer(&input)
            swap(&input, &partial)
        }
        guard let taker else { return }
        let now = LoadTick.now
        var forwarded: [Range<Int>] = []
        let used = input.withUnsafeReadableBytes { bytes in
            isWebSocket
                ? webSocket(bytes, taker, now, &forwarded)
                : rawSocket(bytes, taker, now, &forwarded)
        }
        let session = forwarded.compactMap {
            input.getSlice(at: input.readerIndex + $0.lowerBound, length: $0.count)
        }
        input.moveReaderIndex(forwardBy: used)
        if input.readableBytes > 0 {
            partial.clear(minimumCapacity: input.readableBytes)
            partial.writeBuffer(&input)
        } else if partial.readableBytes > 0 {
            partial.clear()
        }
        taker.readEnded(at: now)
        for frame in session { context.fireChannelRead(wrapInboundOut(frame)) }
        if !session.isEmpty { sessionHasRead = true }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        guard sessionHasRead else { return }
        sessionHasRead = false
        context.fireChannelReadComplete()
    }

    private func rawSocket(
        _ bytes: UnsafeRawBufferPointer, _ taker: any FrameTaker, _ now: Int64,
        _ forwarded: inout [Range<Int>]
    ) -> Int {
        var index = 0
        while bytes.count - index >= 4 {
            let header = UInt32(
                bigEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
            let end = index + 4 + Int(header & 0xff_ffff)
            guard end <= bytes.count else { break }
            let body = UnsafeRawBufferPointer(rebasing: bytes[(index + 4)..<end])
            if header >> 24 != 0 || !taker.take(body, from: self, at: now) {
                forwarded.append(index..<end)
            }
            index = end
        }
        return index
    }

    private func webSocket(
        _ bytes: UnsafeRawBufferPointer, _ taker: any FrameTaker, _ now: Int64,
        _ forwarded: inout [Range<Int>]
    ) -> Int {
        var index = 0
        while bytes.count - index >= 2 {
            var length = Int(bytes[index + 1] & 0x7f)
            var header = 2
            if length == 126 {
                guard bytes.count - index >= 4 else { break }
                length = Int(
                    UInt16(
                        bigEndian: bytes.loadUnaligned(fromByteOffset: index + 2, as: UInt16.self))
                )
                header = 4
            } else if length == 127 {
                guard bytes.count - index >= 10 else { break }
                length = Int(
                    truncatingIfNeeded: UInt64(
                        bigEndian: bytes.loadUnaligned(fromByteOffset: index + 2, as: UInt64.self)))
                header = 10
            }
            let start = index + header
            guard length >= 0, length <= bytes.count - start else { break }
            let body = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + length)])
            if !take(bytes[index], body, taker, now) { forwarded.append(index..<(start + length)) }
            index = start + length
        }
        return index
    }

    /// Takes a WebSocket frame, whose first byte tells what it is.
    private func take(
        _ first: UInt8, _ body: UnsafeRawBufferPointer, _ taker: any FrameTaker, _ now: Int64
    ) -> Bool {
        guard first & 0x08 == 0 else { return false }
        let isFinal = first & 0x80 != 0
        if isFinal, first & 0x0f != 0 { return taker.take(body, from: self, at: now) }
        var whole = fragments ?? ByteBuffer()
        whole.writeBytes(body)
        fragments = isFinal ? nil : whole
        if isFinal {
            // A fragmented message that is not ours cannot be put together for the session.
            _ = whole.withUnsafeReadableBytes { taker.take($0, from: self, at: now) }
        }
        return true
    }

    // Writing.

    /// Sends the template's message with this id.
    package func send(_ template: LoadTemplate, id: UInt64, mark: LoadMark? = nil) {
        guard context != nil else { return }
        write(bound: template.bound) { template.write(id: id, mark: mark, to: $0) }
    }

    /// Sends a message that has two ids and nothing else, as UNREGISTER.
    package func send(code: MessageCode, id: UInt64, other: UInt64) {
        guard context != nil else { return }
        let serializer = serializer
        write(bound: 48) { start in
            var end = start
            let put = { (byte: UInt8) in
                end.storeBytes(of: byte, as: UInt8.self)
                end += 1
            }
            switch serializer {
            case .json: put(UInt8(ascii: "["))
            case .msgpack: put(0x93)
            case .cbor: put(0x83)
            }
            let numbers = [UInt64(code.rawValue), id, other]
            for (place, number) in numbers.enumerated() {
                if place > 0, serializer == .json { put(UInt8(ascii: ",")) }
                end += RequestIDText.write(number, serializer, to: end)
            }
            if serializer == .json { put(UInt8(ascii: "]")) }
            return end - start
        }
    }

    private func write(bound: Int, _ body: (UnsafeMutableRawPointer) -> Int) {
        let isWebSocket = isWebSocket
        let isText = serializer == .json
        let key = isWebSocket ? nextKey() : 0
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound + 14) { room in
            guard let start = room.baseAddress else { return 0 }
            guard isWebSocket else {
                let length = body(start + 4)
                start.storeBytes(of: UInt32(length).bigEndian, as: UInt32.self)
                return 4 + length
            }
            // The length, which decides the header's, is known only within the id's few bytes.
            let header = bound <= 125 ? 6 : bound <= 0xffff ? 8 : 14
            let length = body(start + header)
            start.storeBytes(of: isText ? 0x81 : 0x82, as: UInt8.self)
            switch header {
            case 6: start.storeBytes(of: 0x80 | UInt8(length), toByteOffset: 1, as: UInt8.self)
            case 8 where length > 125:
                start.storeBytes(of: 0xfe, toByteOffset: 1, as: UInt8.self)
                start.storeBytes(of: UInt16(length).bigEndian, toByteOffset: 2, as: UInt16.self)
            case 14 where length > 0xffff:
                start.storeBytes(of: 0xff, toByteOffset: 1, as: UInt8.self)
                start.storeBytes(of: UInt64(length).bigEndian, toByteOffset: 2, as: UInt64.self)
            default: return LoadPort.shorter(start, header, length, key)
            }
            start.storeBytes(of: key, toByteOffset: header - 4, as: UInt32.self)
            LoadPort.mask(start + header, length, key)
            return header + length
        }
        guard !isDirty else { return }
        isDirty = true
        tick.mark(self)
    }

    /// A message that needs a shorter header than there was room for: it moves.
    private static func shorter(
        _ start: UnsafeMutableRawPointer, _ reserved: Int, _ length: Int, _ key: UInt32
    ) -> Int {
        let header = length <= 125 ? 6 : 8
        memmove(start + header, start + reserved, length)
        if header == 6 {
            start.storeBytes(of: 0x80 | UInt8(length), toByteOffset: 1, as: UInt8.self)
        } else {
            start.storeBytes(of: 0xfe, toByteOffset: 1, as: UInt8.self)
            start.storeBytes(of: UInt16(length).bigEndian, toByteOffset: 2, as: UInt16.self)
        }
        start.storeBytes(of: key, toByteOffset: header - 4, as: UInt32.self)
        mask(start + header, length, key)
        return header + length
    }

    private static func mask(_ start: UnsafeMutableRawPointer, _ length: Int, _ key: UInt32) {
        let wide = UInt64(key) << 32 | UInt64(key)
        var index = 0
        while length - index >= 8 {
            let word = start.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ wide
            start.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        var rest = key
        while index < length {
            let byte = start.load(fromByteOffset: index, as: UInt8.self)
            start.storeBytes(
                of: byte ^ UInt8(truncatingIfNeeded: rest), toByteOffset: index, as: UInt8.self)
            rest = rest >> 8 | rest << 24
            index += 1
        }
    }

    private func nextKey() -> UInt32 {
        key ^= key << 13
        key ^= key >> 17
        key ^= key << 5
        return key
    }

    func flush() {
        isDirty = false
        guard let context, output.readableBytes > 0 else { return }
        var bytes = ByteBuffer()
        swap(&bytes, &output)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        // Nearly always it has been written by now, and nobody else holds it.
        if output.capacity == 0, bytes.capacity <= LoadPort.largestSpare,
            bytes.modifyIfUniquelyOwned({ $0.clear() }) != nil
        {
            output = bytes
        }
    }
}
