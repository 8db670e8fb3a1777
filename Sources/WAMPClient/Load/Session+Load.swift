// How a load gets hold of a session.

import NIOCore
import WAMP

extension Session {
    /// Puts someone in front of the session who takes the frames of a load. Once, and with no
    /// request of the session's own under way.
    ///
    /// - Throws: how the session ended, if it has.
    package func attach(_ taker: any FrameTaker & Sendable, tick: LoadTick)
        async throws(ClientError)
    {
        let outcome = await withUnsafeContinuation {
            (continuation: UnsafeContinuation<Swift.Result<Void, ClientError>, Never>) in
            link.submit { link in
                continuation.resume(returning: link.attach(taker, tick: tick))
            }
        }
        try outcome.get()
    }
}

extension ClientLink {
    fileprivate func attach(
        _ taker: any FrameTaker, tick: LoadTick
    ) -> Swift.Result<Void, ClientError> {
        guard let handler, let channel, currentEnd == nil else {
            return .failure(currentEnd?.error ?? .connectionLost("the session is over"))
        }
        let port = LoadPort(self, tick: tick, taker: taker)
        do {
            try channel.pipeline.syncOperations.addHandler(port, position: .before(handler))
        } catch {
            return .failure(.connectionLost("\(error)"))
        }
        // The ids of the load follow those that the session has used.
        (taker as? LoadSession)?.attached(port, lastRequest: nextRequest().rawValue)
        return .success(())
    }
}
