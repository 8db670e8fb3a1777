// The common name of a certificate's subject. Pure: DER in, a name out; what does not parse has no
// name. Spec: RFC 5280, 4.1; X.690.

enum CommonName {
    /// - Parameter certificate: a whole certificate in DER.
    static func of(_ certificate: [UInt8]) -> String? {
        var file = DERReader(certificate[...])
        guard var outer = file.enter(0x30), var body = outer.enter(0x30) else { return nil }
        // The version may be left out; serial number, signature, issuer and validity may not.
        if body.peek == 0xA0 { _ = body.enter(0xA0) }
        guard body.enter(0x02) != nil, body.enter(0x30) != nil, body.enter(0x30) != nil,
            body.enter(0x30) != nil, var subject = body.enter(0x30)
        else { return nil }
        while var names = subject.enter(0x31) {
            while var pair = names.enter(0x30) {
                guard let kind = pair.enter(0x06) else { return nil }
                guard kind.bytes.elementsEqual([0x55, 0x04, 0x03]) else { continue }
                return text(&pair)
            }
        }
        return nil
    }

    /// A string of one of the kinds whose octets are ASCII or UTF-8.
    private static func text(_ pair: inout DERReader) -> String? {
        for tag: UInt8 in [0x0C, 0x13, 0x16] {
            guard let value = pair.enter(tag) else { continue }
            guard !value.bytes.contains(0) else { return nil }
            return String(validating: value.bytes, as: UTF8.self)
        }
        return nil
    }
}

/// Elements one after another.
private struct DERReader {
    private(set) var bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// The tag of the next element.
    var peek: UInt8? { bytes.first }

    /// Takes the next element, if it has this tag.
    /// - Returns: what is in it.
    mutating func enter(_ tag: UInt8) -> DERReader? {
        var rest = bytes
        guard rest.popFirst() == tag, let first = rest.popFirst() else { return nil }
        var length = Int(first)
        if first & 0x80 != 0 {
            let octets = Int(first & 0x7F)
            guard (1...4).contains(octets) else { return nil }
            length = 0
            for _ in 0..<octets {
                guard let octet = rest.popFirst() else { return nil }
                length = length << 8 | Int(octet)
            }
        }
        guard length <= rest.count else { return nil }
        bytes = rest.dropFirst(length)
        return DERReader(rest.prefix(length))
    }
}
