// Outgoing frames of one peer: bounded in bytes, marked dirty when something is added, flushed once
// per tick.
//
// What waits is counted here, not in the channel: nothing is handed to a channel that is not
// writable. The queue belongs to the peer's loop; other loops reach it through their loop's staging
// (see IOLoop). Only the counters and the state are shared.

import NIOCore
import Synchronization
package import WAMP

/// What became of a message given to an outbox.
package enum SendResult: Equatable, Sendable {
    case queued
    /// Longer than the peer accepts; nothing was written.
    case tooLarge
    /// The queue is over its bound; the connection will end as a slow consumer.
    case full
    /// The connection is closing or gone.
    case closed
}

/// The outbox of one connection.
// Unchecked: everything but the atomics is touched only on `loop`.
package final class Outbox: @unchecked Sendable {
    package let loop: IOLoop
    package let format: FrameFormat
    /// The longest message the peer accepts, in bytes.
    package let sendLimit: Int
    private let bound: Int
    private var highMark: Int { bound / 2 }

    /// In the queue; written on the loop only.
    private let queued = Atomic<Int>(0)
    /// On the way here from other loops.
    private let staged = Atomic<Int>(0)
    private let state = Atomic<UInt8>(Outbox.open)
    private static let open: UInt8 = 0
    private static let overflowed: UInt8 = 1
    private static let closed: UInt8 = 2

    /// Nil before and after the channel's life.
    var context: ChannelHandlerContext?
    var control: (any ConnectionControl)?
    /// Whether the loop has it on its list for the end of this tick.
    var isDirty = false
    /// Whether `control` waits to be told that the queue is empty.
    var reportsDrained = false
    private var isBlocked = false

    /// Whole or partial frames before `tail`.
    private var segments: [Segment] = []
    private var firstSegment = 0
    /// Whole frames (the first may be the end of one begun in `segments`).
    private var tail = FrameTail()
    /// Bytes given to the channel, ever.
    private var handedOver = 0
    /// Whether what was given to the channel ends with a frame.
    private(set) var isAtFrameBoundary = true

    private struct Segment {
        var bytes: ByteBuffer
        var endsFrame: Bool
    }

    /// From so many bytes on they are kept as a shared slice and not copied.
    static let sharedSize = 16 << 10
    /// With more than so many bytes waiting, finished frames of so many bytes and more are shared,
    /// too: what waits for many peers must not be there as many times.
    private static let copiedBytes = 128 << 10
    private static let sharedFrame = 4 << 10
    /// A slice is not shared if it keeps more than so many times its size from being freed.
    private static let mostPinned = 8
    /// No envelope has more bytes, but for the details of a RESULT.
    private static let envelopeRoom = 64
    /// The most bytes given to the channel at once, so that what the channel holds stays small.
    private static let piece = 256 << 10

    init(loop: IOLoop, format: FrameFormat, sendLimit: Int, bound: Int) {
        self.loop = loop
        self.format = format
        self.sendLimit = sendLimit
        self.bound = bound
    }

    /// Bytes that wait for the peer. From any thread.
    package var pendingBytes: Int {
        queued.load(ordering: .relaxed) + staged.load(ordering: .relaxed)
    }

    /// Whether it takes messages. From any thread.
    package var isOpen: Bool { state.load(ordering: .relaxed) == Outbox.open }

    /// Whether nothing waits. On the loop.
    var isEmpty: Bool { tail.count == 0 && firstSegment == segments.count }

    /// Decides whether a message fits: in the peer's limit, and in the bound. An empty queue takes
    /// any message.
    @inline(__always)
    func admit(_ length: Int) -> SendResult {
        guard isOpen else { return .closed }
        guard length <= sendLimit else { return .tooLarge }
        let pending = pendingBytes
        if pending > 0, pending + length > bound { return .full }
        return .queued
    }

    /// Notes that a message was refused for want of room.
    /// - Returns: whether this is the first time, so that the loop must be told.
    func overflow() -> Bool {
        state.compareExchange(
            expected: Outbox.open, desired: Outbox.overflowed, ordering: .relaxed
        ).exchanged
    }

    /// Adds a message. On the loop.
    ///
    /// The payload is in this peer's serializer.
    func append(_ message: Message, _ payload: Payload) -> SendResult {
        loop.encode(message, payload, as: format.serializer)
        if isShared(payload.count) { return append(sharing: payload.bytes) }
        return payload.bytes.withUnsafeReadableBytes { append(copying: $0) }
    }

    /// Queues a message that passes on the payload of a plain one, which is in this peer's
    /// serializer.
    /// - Parameter sender: the loop this is called on. If it is not the peer's, the message goes
    ///   with its next `postStaged`.
    package func send(
        _ envelope: Envelope, passing plain: PlainMessage, of batch: MessageBatch,
        from sender: IOLoop
    ) -> SendResult {
        guard sender === loop else { return sender.stage(envelope, passing: plain, to: self) }
        let payload = plain.payload
        if !format.isDirect || isShared(payload.count) {
            loop.encode(envelope, plain, as: format.serializer)
            if !format.isDirect { return append(copying: payload) }
            return append(sharing: batch.payload(of: plain).bytes)
        }
        let longest =
            if case .result(_, let details) = envelope {
                Outbox.envelopeRoom + details.count
            } else {
                Outbox.envelopeRoom
            }
        let start = tail.reserve(longest + payload.count + 16, loop)
        let (length, header) = format.write(
            envelope, longest: longest, passing: payload, shape: plain.shape, to: start)
        let admitted = admit(length)
        guard admitted == .queued else { return refused(admitted) }
        tail.advance(header + length)
        endTail()
        added(header + length)
        return .queued
    }

    private func isShared(_ count: Int) -> Bool {
        count >= Outbox.sharedSize && format.isDirect
    }

    /// Adds what the loop has encoded, and a payload.
    private func append(copying payload: UnsafeRawBufferPointer) -> SendResult {
        let length = loop.scratch.count + payload.count + format.closingLength
        let admitted = admit(length)
        guard admitted == .queued else { return refused(admitted) }
        if format.isWrapped {
            let before = tail.count
            tail.edit(loop) { loop.appendWrapped(payload, as: format, to: &$0) }
            let count = tail.count - before
            endTail()
            added(count)
            return .queued
        }
        let key = loop.nextKey(for: format)
        tail.edit(loop) { buffer in
            format.append(
                envelope: loop.scratch.bytes, payload: payload, length: length, key: key,
                to: &buffer)
        }
        endTail()
        added(format.headerLength(length) + length)
        return .queued
    }

    /// The same with a payload that is large: its memory is shared.
    private func append(sharing payload: ByteBuffer) -> SendResult {
        guard Outbox.pinsLittle(payload) else {
            return payload.withUnsafeReadableBytes { append(copying: $0) }
        }
        let length = loop.scratch.count + payload.readableBytes + format.closingLength
        let admitted = admit(length)
        guard admitted == .queued else { return refused(admitted) }
        tail.edit(loop) { buffer in
            format.appendFront(envelope: loop.scratch.bytes, length: length, to: &buffer)
        }
        segments.append(Segment(bytes: tail.take(), endsFrame: false))
        segments.append(Segment(bytes: payload, endsFrame: format.closingLength == 0))
        if format.closingLength > 0 {
            tail.edit(loop) { $0.writeStaticString(format.serializer.closing) }
        }
        added(format.headerLength(length) + length)
        return .queued
    }

    private static func pinsLittle(_ slice: ByteBuffer) -> Bool {
        slice.storageCapacity <= slice.readableBytes * mostPinned
    }

    /// Adds a finished frame of this format. On the loop.
    func append(_ encoded: EncodedMessage) -> SendResult {
        let admitted = admit(encoded.length)
        guard admitted == .queued else { return refused(admitted) }
        add(encoded.bytes, isShared: isShared(frame: encoded.bytes.readableBytes))
        return .queued
    }

    /// Whether a finished frame of that size is kept as it is and not copied. From any thread.
    func isShared(frame count: Int) -> Bool {
        count >= Outbox.sharedSize
            || count >= Outbox.sharedFrame && pendingBytes > Outbox.copiedBytes
    }

    /// Counts bytes that another loop stages for this peer.
    func willStage(_ count: Int) { staged.add(count, ordering: .relaxed) }

    /// Takes frames that another loop staged. On the loop.
    func take(staged bytes: ByteBuffer, isShared: Bool) {
        staged.subtract(bytes.readableBytes, ordering: .relaxed)
        guard state.load(ordering: .relaxed) != Outbox.closed else { return }
        add(bytes, isShared: isShared)
    }

    /// Adds finished frames. Those of a mail may be a small part of it.
    private func add(_ frames: ByteBuffer, isShared: Bool) {
        if isShared, Outbox.pinsLittle(frames) {
            if tail.count > 0 { segments.append(Segment(bytes: tail.take(), endsFrame: true)) }
            segments.append(Segment(bytes: frames, endsFrame: true))
        } else {
            copyToTail(frames)
            endTail()
        }
        added(frames.readableBytes)
    }

    /// Adds a ping or pong. On the loop. Pongs count like messages: asking without reading ends
    /// too.
    func appendPing(_ isPing: Bool, payload: ByteBuffer = ByteBuffer()) {
        let admitted = admit(0)
        guard admitted == .queued else {
            _ = refused(admitted)
            return
        }
        let before = tail.count
        let key = loop.nextKey(for: format)
        tail.edit(loop) { format.appendPing(isPing, payload: payload, key: key, to: &$0) }
        added(tail.count - before)
    }

    /// Takes no more messages, ends with a WebSocket close frame if there is one to send, and
    /// reports when all is written. On the loop.
    func finish(closePayload: [UInt8]?) {
        state.store(Outbox.closed, ordering: .relaxed)
        if let closePayload, format.framing == .webSocket {
            let before = tail.count
            let key = loop.nextKey(for: format)
            tail.edit(loop) { buffer in
                format.appendControl(
                    .close, payload: ByteBuffer(bytes: closePayload), key: key, to: &buffer)
            }
            added(tail.count - before)
        }
        reportsDrained = true
        loop.markDirty(self)
    }

    /// Forgets what waits, for a peer that will not read it. On the loop.
    func discard() {
        state.store(Outbox.closed, ordering: .relaxed)
        segments = []
        firstSegment = 0
        tail = FrameTail()
        queued.store(0, ordering: .relaxed)
    }

    /// Hands a close frame to the channel, past the queue and whether it is writable or not. On the
    /// loop.
    func lastWord(_ closePayload: [UInt8]) {
        var frame = ByteBuffer()
        format.appendControl(
            .close, payload: ByteBuffer(bytes: closePayload), key: loop.nextKey(for: format),
            to: &frame)
        context?.writeAndFlush(NIOAny(frame), promise: nil)
    }

    /// The channel is gone.
    func detach() {
        discard()
        context = nil
        control = nil
    }

    private func refused(_ result: SendResult) -> SendResult {
        if result == .full { loop.cut(self) }
        return result
    }

    @inline(__always)
    private func added(_ count: Int) {
        queued.store(queued.load(ordering: .relaxed) + count, ordering: .relaxed)
        if !isDirty { loop.markDirty(self) }
    }

    private func copyToTail(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { source in
            guard let base = source.baseAddress else { return }
            tail.reserve(source.count, loop).copyMemory(from: base, byteCount: source.count)
            tail.advance(source.count)
        }
    }

    @inline(__always)
    private func endTail() {
        if tail.count >= Outbox.piece {
            segments.append(Segment(bytes: tail.take(), endsFrame: true))
        }
    }

    /// Hands over what the channel takes. Called once per tick, and when the channel becomes
    /// writable.
    func flush() {
        guard let context, let control else { return }
        if state.load(ordering: .relaxed) == Outbox.overflowed {
            control.outboxOverflowed()
            return
        }
        let channel = context.channel
        while !isEmpty, channel.isWritable {
            if firstSegment < segments.count {
                var count = 0
                while firstSegment < segments.count, count < Outbox.piece, channel.isWritable {
                    count += writeSegment(context)
                }
                context.flush()
            } else {
                // The buffer comes back to the loop if the channel could write it all at once.
                var bytes = tail.take()
                write(bytes, context)
                isAtFrameBoundary = true
                context.flush()
                loop.giveBack(&bytes)
            }
        }
        reportState(to: control)
    }

    private func writeSegment(_ context: ChannelHandlerContext) -> Int {
        let bytes: ByteBuffer
        if segments[firstSegment].bytes.readableBytes > Outbox.piece,
            let piece = segments[firstSegment].bytes.readSlice(length: Outbox.piece)
        {
            bytes = piece
            isAtFrameBoundary = false
        } else {
            bytes = segments[firstSegment].bytes
            isAtFrameBoundary = segments[firstSegment].endsFrame
            segments[firstSegment].bytes = ByteBuffer()
            firstSegment += 1
            if firstSegment == segments.count {
                segments = []
                firstSegment = 0
            }
        }
        write(bytes, context)
        return bytes.readableBytes
    }

    private func write(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        queued.store(
            queued.load(ordering: .relaxed) - bytes.readableBytes, ordering: .relaxed)
        handedOver += bytes.readableBytes
        context.write(NIOAny(bytes), promise: nil)
    }

    private func reportState(to control: any ConnectionControl) {
        let pending = queued.load(ordering: .relaxed)
        // Back only at half the mark, so that a peer near it does not go to and fro.
        if isBlocked ? pending <= highMark / 2 : pending > highMark {
            isBlocked.toggle()
            control.outboxBlocked(isBlocked)
        }
        if reportsDrained, isEmpty {
            reportsDrained = false
            control.outboxDrained()
        }
    }

    /// How many bytes the network has taken, ever; nil when nothing waits. On the loop.
    var progress: Int? {
        guard let channel = context?.channel, !isEmpty || !channel.isWritable else { return nil }
        let held = try? channel.syncOptions?.getOption(.bufferedWritableBytes)
        return handedOver - (held ?? 0)
    }
}
