// A router that has used up its descriptors: it says no, stays quiet, and goes on when it can.

import BareSockets
import Foundation
import Glibc
import Testing
import WAMP

@testable import wampctl

@Suite(.serialized, .timeLimit(.minutes(10))) struct DescriptorTests {
    /// A router that can take so many more connections and not one beyond.
    private func router(room: Int) async throws -> (Program, Int) {
        let program = try Program(["router", "-p", "0", "--log-format", "json"], announces: true)
        let url = try await program.ready()["listeners"]?.list?.first?.dictionary?["url"]?.string
        let port = try #require(url?.split(separator: ":").last?.split(separator: "/").first)
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(program.id)/fd")
        let last = try #require(open.compactMap(Int.init).max())
        let gaps = last + 1 - open.count
        let limit = last + 1 + room - gaps
        let limiting = try Program(
            ["--pid=\(program.id)", "--nofile=\(limit):\(limit)"], executable: "prlimit")
        try requireCode(0, of: try await limiting.ended())
        return (program, try #require(Int(port)))
    }

    /// The processor time that a process has used, in hundredths of a second.
    private func ticks(_ program: Program) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(program.id)/stat", encoding: .utf8)
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        return try #require(Int(fields[11])) + #require(Int(fields[12]))
    }

    private static let notAccepted = "cannot accept connections"

    /// How many clients were turned away, by the lines of the log so far.
    private func turnedAway(_ router: Program) throws -> [Int] {
        // The last line may not be whole.
        try router.saidSoFar.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .filter { $0.contains(Self.notAccepted) }
            .map { line in
                let text = try JSONText.parse(String(line)).dictionary?["turned_away"]?.string
                return try #require(text.flatMap { Int($0) })
            }
    }

    private static let handshake: [UInt8] = [0x7F, 0xF1, 0, 0]
    /// The error "maximum connection count reached" of RawSocket.
    private static let full: [UInt8] = [0x7F, 0x40, 0, 0]
    private static let hello: [UInt8] = {
        let message = Array(#"[1,"realm1",{"roles":{"caller":{}}}]"#.utf8)
        return [0, 0, 0, UInt8(message.count)] + message
    }()

    /// Joins until the router is full. Where that is, is asked rather than reckoned: when its
    /// descriptors were counted, the router may have had one open for a moment only.
    private func fill(_ port: Int) throws -> [Guest] {
        var guests: [Guest] = []
        while guests.count < 20 {
            let guest = try Guest(port: port)
            guest.send(Self.handshake)
            let reply = try guest.read(4)
            guard reply == Self.handshake else {
                #expect(reply == Self.full)
                break
            }
            // Who does not join is sent away after a while.
            guest.send(Self.hello)
            #expect(try guest.read(4).count == 4)
            guests.append(guest)
        }
        return guests
    }

    @Test(
        "Out of descriptors, clients are told so in their language, and served once there is room")
    func full() async throws {
        let (router, port) = try await router(room: 3)
        var guests = try fill(port)
        for round in 0..<3 {
            let raw = try Guest(port: port)
            raw.send(Self.handshake)
            #expect(try raw.readToEnd() == Self.full, "\(round)")
            let web = try Guest(port: port)
            web.send(Array("GET /ws HTTP/1.1\r\nHost: h\r\n\r\n".utf8))
            let answer = String(decoding: try web.readToEnd(), as: UTF8.self)
            #expect(
                answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"),
                "\(round)")
        }
        guests.removeLast()
        // The router may not have seen yet that the guest has left.
        var reply: [UInt8] = []
        while reply != Self.handshake {
            let guest = try Guest(port: port)
            guest.send(Self.handshake)
            reply = (try? guest.read(4)) ?? []
            if reply == Self.handshake { guests.append(guest) }
        }
        router.signal(SIGTERM)
        expectCode(0, of: try await router.ended())
    }

    @Test(
        "Out of descriptors, clients that wait and say nothing cost no processor time and few lines"
    )
    func silent() async throws {
        let (router, port) = try await router(room: 1)
        let guests = try fill(port)
        defer { withExtendedLifetime(guests) {} }
        let start = ContinuousClock.now, before = try ticks(router)
        let waiting = try (0..<6).map { _ in try Guest(port: port) }
        for (index, other) in waiting.enumerated() {
            #expect(try other.readToEnd() == [], "\(index)")
        }
        let used = try ticks(router) - before
        let (seconds, _) = (ContinuousClock.now - start).components
        #expect(used * 5 < Int(seconds) * 100, "\(used) hundredths in \(seconds) seconds")
        // One more has found out that the router is full. The last ones are counted, too.
        var counts = try turnedAway(router)
        while counts.reduce(0, +) < waiting.count + 1 {
            try await router.said(Self.notAccepted, times: counts.count + 1)
            counts = try turnedAway(router)
        }
        #expect(counts.reduce(0, +) == waiting.count + 1)
        router.signal(SIGTERM)
        let lines = try await router.ended().talk.split(separator: "\n").filter {
            $0.contains(Self.notAccepted)
        }
        #expect((1...Int(seconds) + 2).contains(lines.count), "\(lines)")
        #expect(lines.first?.contains("too many open files") == true)
    }
}

/// A bare connection that is closed with its last reference.
private final class Guest {
    private var socket: BareSocket

    init(port: Int) throws { socket = try BareSocket(port: port) }

    func send(_ bytes: [UInt8]) { socket.send(bytes) }

    func read(_ count: Int) throws -> [UInt8] { try socket.read(count) }

    func readToEnd() throws -> [UInt8] { try socket.readToEnd() }
}
