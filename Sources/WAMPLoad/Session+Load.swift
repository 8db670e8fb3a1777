// How a load gets hold of a session.

import WAMP
package import WAMPClient

extension Session {
    /// Puts someone in front of the session who takes the frames of a load. Once, and with no
    /// request of the session's own under way.
    ///
    /// - Throws: how the session ended, if it has.
    package func attach(_ taker: any FrameTaker & Sendable, tick: LoadTick)
        async throws(ClientError)
    {
        let session = direct
        let outcome = await withUnsafeContinuation {
            (continuation: UnsafeContinuation<Swift.Result<Void, ClientError>, Never>) in
            session.submit {
                continuation.resume(returning: session.attach(taker, tick: tick))
            }
        }
        try outcome.get()
    }
}

extension DirectSession {
    fileprivate func attach(
        _ taker: any FrameTaker, tick: LoadTick
    ) -> Swift.Result<Void, ClientError> {
        let port = LoadPort(self, tick: tick, taker: taker)
        do throws(ClientError) {
            try insert(port)
        } catch {
            return .failure(error)
        }
        // The ids of the load follow those that the session has used.
        (taker as? LoadSession)?.attached(port, lastRequest: nextRequest().rawValue)
        return .success(())
    }
}
