// The parts of TLS that are our own: the exporter's arithmetic and the reading of names.

import Testing

@testable import WAMPTransport

@Suite struct TLSPartsTests {
    @Test("the exporter follows RFC 8446, 7.5: values computed by another implementation")
    func exporter() throws {
        #expect(
            hex(TLSExporter.channelBinding([UInt8](repeating: 0x0B, count: 32)))
                == "e7d7eb1555542e327a3aae6feed2ae4a9bb6244a3c1b48c1c9628c1f45b361f8")
        #expect(
            hex(TLSExporter.channelBinding([UInt8](repeating: 0x0B, count: 48)))
                == "c45eb2f715927b27a2eecd926f51732715bea28837421a77e57eb300abf4b57b")
        #expect(TLSExporter.channelBinding([1, 2, 3]) == nil)
    }

    private func hex(_ bytes: [UInt8]?) -> String? {
        bytes?.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    @Test("bytes that are no certificate have no name, wherever they are cut or damaged")
    func noName() {
        // Sequences within sequences, up to the subject: CN=ab.
        let subject: [UInt8] = [
            0x30, 0x0D, 0x31, 0x0B, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0C, 0x02, 0x61,
            0x62,
        ]
        let body: [UInt8] =
            [0xA0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01, 0x05, 0x30, 0, 0x30, 0, 0x30, 0] + subject
        let whole = [0x30, UInt8(body.count + 2), 0x30, UInt8(body.count)] + body
        #expect(CommonName.of(whole) == "ab")
        for end in 0..<whole.count { #expect(CommonName.of(Array(whole[..<end])) == nil, "\(end)") }
        for index in whole.indices.dropLast(2) {
            var damaged = whole
            damaged[index] = 0xFF
            // Only the values that are passed over may be anything.
            #expect(CommonName.of(damaged) == nil || [6, 7, 8, 11].contains(index), "\(index)")
        }
    }
}
