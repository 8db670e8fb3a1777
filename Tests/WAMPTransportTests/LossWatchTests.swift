// When the system notices that a peer is gone which is not pinged.

import NIOCore
import Testing

@testable import WAMPTransport

@Suite struct LossWatchTests {
    private func watch(_ keepalive: TimeAmount) -> LossWatch? {
        var settings = ConnectionSettings()
        settings.keepalive = keepalive
        return LossWatch(settings)
    }

    @Test("a peer that vanishes is noticed within 25 s by default, even with bytes on their way")
    func byDefault() throws {
        let watch = try #require(LossWatch(ConnectionSettings()))
        #expect(watch.idleSeconds == 10)
        // Probes go on until one comes after the limit.
        #expect(watch.userTimeout / 1000 + watch.intervalSeconds < 25)
        // Bytes may be sent right before the first probe, and are sent again after a moment.
        #expect(watch.idleSeconds * 1000 + watch.userTimeout < 24_000)
        // Who reads slowly is given the time that it has, and called what it is.
        #expect(watch.userTimeout > ConnectionSettings().writeTimeout.nanoseconds / 1_000_000)
    }

    @Test(
        "it takes two and a half periods, or 11 s more than a short one, and no less than 10 s",
        arguments: 1...60)
    func inTime(period: Int) throws {
        let found = try #require(watch(.seconds(Int64(period))))
        let longest = (found.idleSeconds + found.intervalSeconds) * 1000 + found.userTimeout
        let told = period < 8 ? 1000 * (period + 11) : 2500 * period
        #expect(longest <= told)
        #expect(found.userTimeout >= 10_000)
    }

    @Test("no keep-alive, no watch; none is longer or shorter than the system knows")
    func bounds() {
        #expect(watch(.zero) == nil)
        #expect(watch(.milliseconds(20))?.idleSeconds == 1)
        #expect(watch(.milliseconds(20))?.intervalSeconds == 1)
        #expect(watch(.milliseconds(1500))?.idleSeconds == 2)
        #expect(watch(.hours(100_000))?.idleSeconds == 32_767)
    }
}
