// Everything that belongs to one event loop: scratch memory, the list of outboxes to flush at the
// end of the tick, mail from and for other loops, and the connections that watch the clock.

package import NIOCore
import Synchronization
package import WAMP

/// One event loop, as the transport sees it. Make one per loop and share it among the loop's
/// connections.
// Unchecked: everything but the mailbox is touched only on the loop.
package final class IOLoop: @unchecked Sendable {
    package let eventLoop: any EventLoop
    /// The place of this loop among its siblings, from 0.
    package let index: Int
    private let tickPeriod: TimeAmount

    /// Where envelopes are encoded.
    var scratch = ByteWriter()
    /// Where the WebSocket messages of one read are unmasked.
    var unmasked = ByteBuffer()
    /// What one WebSocket read held.
    var items: [WebSocketReceiver.Item] = []
    private var batch: MessageBatch?
    private var readBuffer = ByteBuffer()
    private var lastRead = ByteBuffer()
    /// The most that is read at once, in bytes.
    static let mostRead = 256 << 10
    /// Made when they are first needed; the deflaters by the bits of their windows.
    private var deflaters: [UInt8: Deflater] = [:]
    private(set) lazy var inflater = Inflater()
    private var spares: [ByteBuffer] = []
    /// The memory of the spares together: a burst must not make the loop large for good.
    private var spareBytes = 0
    /// In bytes.
    private static let mostSpareBytes = 1 << 20

    private var dirty: [Outbox] = []
    private var isFlushScheduled = false

    private let mailbox = Mailbox()
    /// Memory to exchange for the mail that is read.
    private var emptyMail = Mail()
    /// What is being collected for other loops, by their index.
    private var staging: [Staging] = []
    private struct Staging {
        var target: IOLoop
        var mail = Mail()
    }

    private var connections: [any ConnectionControl] = []
    private var clock: RepeatedTask?
    private var keys: SplitMix64

    package init(eventLoop: any EventLoop, index: Int = 0, tickPeriod: TimeAmount = .seconds(1)) {
        self.eventLoop = eventLoop
        self.index = index
        self.tickPeriod = tickPeriod
        keys = SplitMix64(seed: .random(in: .min ... .max))
    }

    /// The loop's clock.
    package var now: NIODeadline { eventLoop.now }

    // Sending. Under the realm's lock or not, but always on this loop.

    /// Queues a message for a peer of this loop at once, for a peer of another loop with the next
    /// `postStaged`.
    ///
    /// The payload must be in the peer's serializer.
    package func send(_ message: Message, to outbox: Outbox) -> SendResult {
        send(message, payload: message.payload, to: outbox)
    }

    /// The same, in as few words as the peer's limit asks for: for what must not be left unsaid.
    package func send(shortening message: Message, to outbox: Outbox) -> SendResult {
        let result = send(message, to: outbox)
        guard result == .tooLarge, let shorter = message.shortened else { return result }
        return send(shortening: shorter, to: outbox)
    }

    /// The same as `send`, with another payload in place of the message's own: the transcoded one.
    package func send(_ message: Message, payload: Payload, to outbox: Outbox) -> SendResult {
        if outbox.loop === self { return outbox.append(message, payload) }
        encode(message, payload, as: outbox.format.serializer)
        return payload.bytes.withUnsafeReadableBytes { stage(payload: $0, for: outbox) }
    }

    /// Stages a message that passes on the payload of a plain one.
    func stage(
        _ envelope: Envelope, passing plain: PlainMessage, to outbox: Outbox
    ) -> SendResult {
        encode(envelope, plain, as: outbox.format.serializer)
        return stage(payload: plain.payload, for: outbox)
    }

    /// Stages what `scratch` and a payload make for a peer of another loop.
    private func stage(payload: UnsafeRawBufferPointer, for outbox: Outbox) -> SendResult {
        let format = outbox.format
        let length = scratch.count + payload.count + format.closingLength
        let admitted = outbox.admit(length)
        guard admitted == .queued else { return refused(admitted, outbox) }
        if format.isWrapped { return stageWrapped(payload, for: outbox) }
        let frame = format.headerLength(length) + length
        let key = nextKey(for: format)
        outbox.willStage(frame)
        if frame < Outbox.sharedSize {
            let slot = slot(for: outbox.loop, room: frame)
            format.append(
                envelope: scratch.bytes, payload: payload, length: length, key: key,
                to: &staging[slot].mail.bytes)
            staging[slot].mail.addedFrames(frame, for: outbox)
        } else {
            var bytes = ByteBufferAllocator().buffer(capacity: frame)
            format.append(
                envelope: scratch.bytes, payload: payload, length: length, key: key, to: &bytes)
            stage(.largeFrame(outbox, bytes), for: outbox.loop)
        }
        return .queued
    }

    private func stageWrapped(
        _ payload: UnsafeRawBufferPointer, for outbox: Outbox
    ) -> SendResult {
        var frame = ByteBuffer()
        appendWrapped(payload, as: outbox.format, to: &frame)
        stage(frame, for: outbox)
        return .queued
    }

    /// Stages a finished frame.
    private func stage(_ frame: ByteBuffer, for outbox: Outbox) {
        let count = frame.readableBytes
        let isShared = outbox.isShared(frame: count)
        outbox.willStage(count)
        if isShared {
            stage(.largeFrame(outbox, frame), for: outbox.loop)
        } else {
            let slot = slot(for: outbox.loop, room: count)
            staging[slot].mail.bytes.writeImmutableBuffer(frame)
            staging[slot].mail.addedFrames(count, for: outbox)
        }
    }

    /// Appends what `scratch` and a payload make, in the frame of a format that batches or
    /// compresses.
    func appendWrapped(
        _ payload: UnsafeRawBufferPointer, as format: FrameFormat, to buffer: inout ByteBuffer
    ) {
        var body = takeSpare()
        var packed = ByteBuffer()
        let length = scratch.count + payload.count + format.closingLength
        body.reserveCapacity(minimumWritableBytes: length + 5)
        if format.isBatched { MessageBatching.open(format.serializer, length, &body) }
        body.writeBytes(scratch.bytes)
        body.writeBytes(payload)
        body.writeStaticString(format.serializer.closing)
        if format.isBatched { MessageBatching.close(format.serializer, &body) }
        if format.deflateBits > 0, body.readableBytes >= Deflater.shortest {
            packed = takeSpare()
            let deflater = deflaters[format.deflateBits] ?? Deflater(bits: format.deflateBits)
            deflaters[format.deflateBits] = deflater
            let isDone = body.withUnsafeReadableBytes { deflater.compress($0, into: &packed) }
            if !isDone || packed.readableBytes >= body.readableBytes { packed.clear() }
        }
        let isCompressed = packed.readableBytes > 0
        let content = isCompressed ? packed : body
        var frame = WebSocketFrame(
            format.serializer == .json ? .text : .binary, length: content.readableBytes,
            key: format.isMasked ? nextKey(for: format) : nil)
        frame.isCompressed = isCompressed
        format.append(frame, payload: content, to: &buffer)
        giveBack(&body)
        giveBack(&packed)
    }

    /// A message in the frame of a format that does not mask, for `send(_:to:)`.
    package func encode(
        _ message: Message, payload: Payload, format: FrameFormat
    ) -> EncodedMessage {
        encode(message, payload, as: format.serializer)
        let length = scratch.count + payload.count + format.closingLength
        if format.isWrapped {
            var bytes = ByteBuffer()
            payload.bytes.withUnsafeReadableBytes { appendWrapped($0, as: format, to: &bytes) }
            return EncodedMessage(format: format, bytes: bytes, length: length)
        }
        var bytes = ByteBufferAllocator().buffer(capacity: format.headerLength(length) + length)
        let key = nextKey(for: format)
        payload.bytes.withUnsafeReadableBytes { payload in
            format.append(
                envelope: scratch.bytes, payload: payload, length: length, key: key, to: &bytes)
        }
        return EncodedMessage(format: format, bytes: bytes, length: length)
    }

    /// Queues a message that is encoded already, in the peer's format.
    package func send(_ encoded: EncodedMessage, to outbox: Outbox) -> SendResult {
        if outbox.loop === self { return outbox.append(encoded) }
        let admitted = outbox.admit(encoded.length)
        guard admitted == .queued else { return refused(admitted, outbox) }
        stage(encoded.bytes, for: outbox)
        return .queued
    }

    /// Closes a connection once everything sent so far is written.
    package func close(
        _ connection: Connection, _ code: WebSocketCloseCode = .normal, _ reason: String = ""
    ) {
        if connection.loop === self {
            connection.close(code, reason)
        } else {
            stage(.close(connection.outbox, code, reason), for: connection.loop)
        }
    }

    /// Stops or resumes reading from a connection.
    package func setReading(_ isReading: Bool, _ connection: Connection) {
        if connection.loop === self {
            connection.setReading(isReading)
        } else {
            stage(.reading(connection.outbox, isReading), for: connection.loop)
        }
    }

    /// Hands what was staged to the other loops: one short lock each, one wake-up each if none is
    /// on its way.
    ///
    /// Called before the realm's lock is released.
    package func postStaged() {
        for slot in staging.indices where !staging[slot].mail.isEmpty { post(slot) }
    }

    private func post(_ slot: Int) {
        let target = staging[slot].target
        if target.mailbox.post(&staging[slot].mail) {
            target.eventLoop.execute { target.readMail(awake: true) }
        }
    }

    /// Moves the mail of other loops into the outboxes of this one.
    ///
    /// Called on this loop after taking the realm's lock and before anything is sent, so that order
    /// holds across loops.
    package func drainMailbox() { readMail(awake: false) }

    private func readMail(awake: Bool) {
        var mail = Mail()
        var further: [Mail] = []
        swap(&mail, &emptyMail)
        defer {
            mail.clear()
            swap(&mail, &emptyMail)
        }
        guard mailbox.collect(into: &mail, &further, awake: awake) else { return }
        deliver(&mail)
        for index in further.indices { deliver(&further[index]) }
    }

    private func deliver(_ mail: inout Mail) {
        for entry in mail.entries {
            switch entry {
            case .frames(let outbox, let count):
                guard let bytes = mail.bytes.readSlice(length: count) else { continue }
                outbox.take(staged: bytes, isShared: count >= Outbox.sharedSize)
            case .largeFrame(let outbox, let bytes): outbox.take(staged: bytes, isShared: true)
            case .overflow(let outbox): markDirty(outbox)
            case .close(let outbox, let code, let reason):
                // An order may close and so tell the owner, who may be waiting for the lock we are
                // in.
                eventLoop.execute { outbox.control?.close(code, reason) }
            case .reading(let outbox, let isReading):
                outbox.control?.setReading(isReading)
            }
        }
    }

    private func refused(_ result: SendResult, _ outbox: Outbox) -> SendResult {
        if result == .full { cut(outbox) }
        return result
    }

    /// Ends the connection of a peer that takes too little of what it is sent.
    package func cut(_ outbox: Outbox) {
        guard outbox.overflow() else { return }
        if outbox.loop === self {
            markDirty(outbox)
        } else {
            stage(.overflow(outbox), for: outbox.loop)
        }
    }

    private func stage(_ entry: Mail.Entry, for target: IOLoop) {
        staging[slot(for: target)].mail.entries.append(entry)
    }

    /// Where so many bytes more are staged for a loop. What is complete goes there first, so that
    /// it never grows beyond bounds.
    private func slot(for target: IOLoop, room count: Int) -> Int {
        let slot = slot(for: target)
        if !staging[slot].mail.hasRoom(for: count) { post(slot) }
        return slot
    }

    private func slot(for target: IOLoop) -> Int {
        if let slot = staging.firstIndex(where: { $0.target === target }) { return slot }
        staging.append(Staging(target: target))
        return staging.count - 1
    }

    // The end of the tick.

    /// Puts an outbox on the list; the first of a tick schedules the flush.
    func markDirty(_ outbox: Outbox) {
        guard !outbox.isDirty else { return }
        outbox.isDirty = true
        dirty.append(outbox)
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        // Runs after all I/O events of this tick. A closure over one reference is not allocated.
        eventLoop.execute { self.flushDirty() }
    }

    private func flushDirty() {
        isFlushScheduled = false
        var flushing: [Outbox] = []
        swap(&flushing, &dirty)
        for outbox in flushing {
            outbox.isDirty = false
            outbox.flush()
        }
        if dirty.isEmpty {
            flushing.removeAll(keepingCapacity: true)
            swap(&flushing, &dirty)
        }
    }

    // Memory that is used again.

    /// Encodes the front of a message into `scratch`.
    func encode(_ message: Message, _ payload: Payload, as serializer: Serializer) {
        assert(payload.isEmpty || payload.serializer == serializer)
        scratch.removeAll()
        MessageCoder.encodeEnvelope(message, payload: payload, as: serializer, into: &scratch)
    }

    func encode(_ envelope: Envelope, _ plain: PlainMessage, as serializer: Serializer) {
        scratch.removeAll()
        MessageCoder.encode(envelope, shape: plain.shape, as: serializer, into: &scratch)
    }

    /// Where the next connection reads to: one buffer for all, which stays in the processor's cache
    /// and is no connection's own.
    func takeReadBuffer() -> ByteBuffer {
        var buffer = ByteBuffer()
        swap(&buffer, &readBuffer)
        return buffer.capacity > 0
            ? buffer : ByteBufferAllocator().buffer(capacity: IOLoop.mostRead)
    }

    /// Notes what a connection has read.
    func hasRead(_ bytes: ByteBuffer) { lastRead = bytes }

    /// What was read has been dealt with. Its memory is used again unless something keeps it.
    func reuseReadBuffer() {
        var buffer = ByteBuffer()
        swap(&buffer, &lastRead)
        guard buffer.capacity == IOLoop.mostRead,
            buffer.modifyIfUniquelyOwned({ $0.clear() }) != nil
        else { return }
        readBuffer = buffer
    }

    /// The messages of one read are collected in memory that is used again.
    func takeBatch() -> MessageBatch {
        defer { batch = nil }
        return batch ?? MessageBatch()
    }

    func giveBack(_ messages: MessageBatch) {
        messages.removeAll()
        batch = messages
    }

    /// An empty buffer to write frames to.
    func takeSpare() -> ByteBuffer {
        guard let spare = spares.popLast() else {
            return ByteBufferAllocator().buffer(capacity: 4096)
        }
        spareBytes -= spare.capacity
        return spare
    }

    /// Takes a buffer back if nobody else holds it and it is not large; it is empty afterwards
    /// either way.
    func giveBack(_ buffer: inout ByteBuffer) {
        let isFree = buffer.modifyIfUniquelyOwned { $0.clear() } != nil
        if isFree, (1...(128 << 10)).contains(buffer.capacity),
            spareBytes + buffer.capacity <= IOLoop.mostSpareBytes
        {
            spareBytes += buffer.capacity
            spares.append(buffer)
        }
        buffer = ByteBuffer()
    }

    /// A masking key. They keep proxies from mistaking frames for HTTP and guard no secret, so a
    /// fast generator with a random seed will do.
    func nextKey(for format: FrameFormat) -> WebSocketFrame.Key {
        guard format.isMasked else { return (0, 0, 0, 0) }
        let key = keys.next()
        return (
            UInt8(truncatingIfNeeded: key), UInt8(truncatingIfNeeded: key >> 8),
            UInt8(truncatingIfNeeded: key >> 16), UInt8(truncatingIfNeeded: key >> 24)
        )
    }

    // The clock: one task for all connections, which runs while there are some.

    func add(_ connection: any ConnectionControl) {
        connection.place = connections.count
        connections.append(connection)
        guard clock == nil else { return }
        clock = eventLoop.scheduleRepeatedTask(initialDelay: tickPeriod, delay: tickPeriod) {
            [weak self] _ in
            self?.tick()
        }
    }

    func remove(_ connection: any ConnectionControl) {
        guard let place = connection.place else { return }
        connection.place = nil
        let last = connections.removeLast()
        if place < connections.count {
            connections[place] = last
            last.place = place
        }
        if connections.isEmpty {
            clock?.cancel()
            clock = nil
        }
    }

    private func tick() {
        let now = eventLoop.now
        // A tick may remove its connection, which moves the last one to its place: go from the end.
        var place = connections.count
        while place > 0 {
            place -= 1
            if place < connections.count { connections[place].tick(now) }
        }
    }
}
