// A session as its own event loop sees it, for those that have too many requests under way for a
// task or a continuation each: they send, and take the answers, themselves.

package import NIOCore
package import WAMP
package import WAMPTransport

/// Someone who takes messages out of a read's batch before the session sees them. Called on the
/// session's loop.
package protocol BatchTap: AnyObject {
    func take(from batch: inout [Message])
    /// The session is over.
    func sessionEnded(_ error: ClientError)
}

/// A session without tasks. All but `submit` is for its event loop only.
package struct DirectSession: Sendable {
    private let link: ClientLink

    fileprivate init(_ link: ClientLink) { self.link = link }

    package var serializer: Serializer { link.serializer }
    package var eventLoop: any EventLoop { link.loop.eventLoop }
    package var framing: Framing? { link.framing }
    /// How the session ended; nil while it lasts.
    package var end: SessionEnd? { link.currentEnd }

    /// Runs a job on the loop: at once when called there, else with the next wake-up.
    package func submit(_ job: @escaping @Sendable () -> Void) { link.submit { _ in job() } }

    /// The id of the session's next request, which is used up by asking.
    package func nextRequest() -> RequestID { link.nextRequest() }

    /// Sends a message with this payload, in the session's serializer, in place of its own.
    package func send(_ message: Message, payload: Payload) -> SendResult {
        link.send(message, payload: payload)
    }

    /// Lets someone see every batch first, until it is removed.
    /// - Returns: false if the session is over.
    package func install(_ tap: any BatchTap) -> Bool { link.install(tap) }

    package func removeTap() { link.removeTap() }

    /// Adds a handler to the channel, on the router's side of the session's own.
    ///
    /// - Throws: how the session ended, if it has.
    package func insert(_ handler: any ChannelHandler) throws(ClientError) {
        guard let own = link.handler, let channel = link.channel, link.currentEnd == nil else {
            throw link.currentEnd?.error ?? .connectionLost("the session is over")
        }
        do {
            try channel.pipeline.syncOperations.addHandler(handler, position: .before(own))
        } catch {
            throw .connectionLost("\(error)")
        }
    }
}

extension Session {
    package var direct: DirectSession { DirectSession(link) }
}
