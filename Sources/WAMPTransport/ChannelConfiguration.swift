// The options of every channel, one place for servers and clients.

import Glibc
package import NIOCore

package enum ChannelConfiguration {
    /// A channel takes this much before it says that it is full: enough for one system call to be
    /// worth its price.
    package static let writeBuffer = ChannelOptions.Types.WriteBufferWaterMark(
        low: 64 << 10, high: 256 << 10)

    /// Applies the options of a connected channel. To be called on its loop, in its initializer.
    /// - Parameter loop: whose memory the channel reads to; nil = its own, for channels that pass
    ///   on other bytes than they read, or whose bytes somebody keeps.
    package static func apply(
        _ settings: ConnectionSettings, to channel: any Channel, sharing loop: IOLoop? = nil
    ) throws {
        guard let options = channel.syncOptions else { return }
        let allocator: any RecvByteBufferAllocator =
            if let loop {
                SharedReceiveAllocator(loop: loop)
            } else {
                AdaptiveRecvByteBufferAllocator(
                    minimum: 512, initial: 2048, maximum: IOLoop.mostRead)
            }
        try options.setOption(.recvAllocator, value: allocator)
        try options.setOption(.writeBufferWaterMark, value: writeBuffer)
        // One read per turn: what came in is written on while it lies in the processor's cache.
        try options.setOption(.maxMessagesPerRead, value: 1)
        // A Unix socket has none of these, and needs none.
        try? options.setOption(.tcpOption(.tcp_nodelay), value: 1)
        guard let watch = LossWatch(settings) else { return }
        for (option, value) in watch.options { try? options.setOption(option, value: value) }
    }
}

/// Has a channel read to its loop's buffer.
///
/// The first read goes to memory of its own, which a channel keeps for as long as it lives. So it
/// is short: the handshake of RawSocket fits, and what is left of a longer one is there to be read
/// in the next turn.
// Unchecked: used on the loop only.
private struct SharedReceiveAllocator: RecvByteBufferAllocator, @unchecked Sendable {
    let loop: IOLoop
    private var hasRead = false
    /// In bytes.
    private static let firstRead = 16

    init(loop: IOLoop) { self.loop = loop }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        hasRead ? loop.takeReadBuffer() : allocator.buffer(capacity: Self.firstRead)
    }

    /// Nil: the channel has nothing to reuse, it asks each time.
    func nextBufferSize() -> Int? { nil }

    /// - Returns: true, so that the channel asks again.
    mutating func record(actualReadBytes: Int) -> Bool {
        hasRead = true
        return true
    }
}
