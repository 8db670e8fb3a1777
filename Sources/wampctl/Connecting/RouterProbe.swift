// Whether the program that holds a port is a WAMP router.

import WAMP
import WAMPClient
import WAMPTransport
import NIOPosix

enum RouterProbe {
    /// Tries to join a session. One that is refused has been answered by a router, too.
    static func answers(at address: String) async -> Bool {
        guard let endpoint = try? Endpoint(address) else { return false }
        var options = SessionOptions()
        options.connectTimeout = .seconds(1)
        options.tls.isInsecure = true
        do throws(ClientError) {
            let session = try await Session.join(
                endpoint, options: options, on: MultiThreadedEventLoopGroup.singleton)
            await session.leave()
            return true
        } catch {
            if case .refused = error { return true }
            return false
        }
    }
}
