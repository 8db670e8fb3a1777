// The addresses of a name: in which order they are tried.

import NIOCore
import Testing

@testable import WAMPTransport

@Suite struct HostAddressesTests {
    private func addresses(_ texts: [String]) throws -> [SocketAddress] {
        try texts.map { try SocketAddress(ipAddress: $0, port: 80) }
    }

    @Test(
        "RFC 8305, 4: the families take turns, beginning with that of the first, each address once",
        arguments: [
            (["::1", "127.0.0.1"], ["::1", "127.0.0.1"]),
            (["127.0.0.1", "127.0.0.1"], ["127.0.0.1"]),
            (
                ["::2", "::3", "::4", "10.0.0.1", "10.0.0.2"],
                ["::2", "10.0.0.1", "::3", "10.0.0.2", "::4"]
            ),
            (["10.0.0.1", "::2", "10.0.0.2"], ["10.0.0.1", "::2", "10.0.0.2"]),
            ([], []),
        ] as [([String], [String])])
    func turns(_ found: [String], _ expected: [String]) throws {
        #expect(try HostAddresses.byTurns(addresses(found)) == addresses(expected))
    }

    @Test("an address is read as it is; a name that cannot be is told")
    func lookUp() throws {
        #expect(try HostAddresses.of("127.0.0.1", port: 80) == addresses(["127.0.0.1"]))
        #expect(try HostAddresses.of("::1", port: 80) == addresses(["::1"]))
        let error = #expect(throws: LookupError.self) {
            try HostAddresses.of("no such host", port: 80)
        }
        #expect(error?.description.contains("\"no such host\"") == true)
    }
}
