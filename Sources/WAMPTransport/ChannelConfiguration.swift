// The options of every channel, one place for servers and clients.

package import NIOCore

package enum ChannelConfiguration {
    /// Reads begin small, so that an idle connection holds little, and grow with what comes.
    package static var receiveAllocator: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: 256 << 10)
    }

    /// A channel takes this much before it says that it is full: enough for one system call to be
    /// worth its price.
    package static let writeBuffer = ChannelOptions.Types.WriteBufferWaterMark(
        low: 64 << 10, high: 256 << 10)

    /// Applies the options of a connected channel. To be called on its loop, in its initializer.
    package static func apply(to channel: any Channel) throws {
        guard let options = channel.syncOptions else { return }
        try options.setOption(.recvAllocator, value: receiveAllocator)
        try options.setOption(.writeBufferWaterMark, value: writeBuffer)
        // One read per turn: what came in is written on while it lies in the processor's cache.
        try options.setOption(.maxMessagesPerRead, value: 1)
        // A Unix socket has no such option, and needs none.
        try? options.setOption(.tcpOption(.tcp_nodelay), value: 1)
    }
}
