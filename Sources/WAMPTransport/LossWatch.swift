// How the system itself finds out that the other end of a TCP connection is gone: pings cannot tell
// of a RawSocket peer that does not answer them. A value: seconds in, socket options out.

import Glibc
import NIOCore

/// Probes of silence (TCP keepalive), and a limit to the time for which sent bytes may remain
/// unacknowledged (`TCP_USER_TIMEOUT`, which counts for the probes, too).
///
/// A peer that vanishes is noticed two and a half periods later at most: bytes may be sent to it at
/// the end of the first one. It is a period and 11 s with one of less than 8 s, since the limit is
/// never shorter than the time that a slow consumer has.
package struct LossWatch: Equatable, Sendable {
    /// Silence before the first probe, in seconds.
    package let idleSeconds: Int
    /// Between two probes, in seconds.
    package let intervalSeconds: Int
    /// In milliseconds.
    package let userTimeout: Int

    /// The longest time between probes that the system takes, in seconds.
    private static let longest = 32_767
    /// What a slow consumer has beyond the time that is its own, so that it is called by its name.
    private static let margin = TimeAmount.seconds(2)

    /// - Returns: nil if connections are not watched over.
    package init?(_ settings: ConnectionSettings) {
        let period = settings.keepalive.nanoseconds
        guard period > 0 else { return nil }
        let second: Int64 = 1_000_000_000
        idleSeconds = Int(min((period - 1) / second + 1, Int64(Self.longest)))
        intervalSeconds = max(1, idleSeconds / 5)
        userTimeout =
            max(
                idleSeconds * 1300,
                Int((settings.writeTimeout + Self.margin).nanoseconds / 1_000_000))
    }

    var options: [(ChannelOptions.Types.SocketOption, SocketOptionValue)] {
        func tcp(_ name: Int32) -> ChannelOptions.Types.SocketOption {
            .init(level: .tcp, name: .init(rawValue: name))
        }
        return [
            (.init(level: .socket, name: .so_keepalive), 1),
            (tcp(TCP_KEEPIDLE), idleSeconds), (tcp(TCP_KEEPINTVL), intervalSeconds),
            (tcp(TCP_USER_TIMEOUT), userTimeout),
        ]
    }
}
