// The host of a URL or of the field `Host`, in the one form in which two of them are compared.
// Pure. Spec: RFC 3986, 3.2.2; RFC 6761, 6.3.

import Glibc

/// A host by its name or address.
package struct WebHost: Hashable, Sendable, CustomStringConvertible {
    /// A name in lower case without a dot at its end, an IPv4 address, or an IPv6 address in
    /// brackets.
    package let description: String
    /// Whether it is this machine wherever it is looked up: an address of loopback, `localhost` or
    /// a name below it. Those names are reserved: browsers look them up nowhere, and nobody can own
    /// one and bind it to an address of his choice.
    package let isLoopback: Bool

    /// In characters.
    private static let longest = 253

    /// Reads a host as it stands in a URL.
    /// - Returns: nil for what is none.
    package init?(_ text: Substring) {
        if text.hasPrefix("[") {
            guard text.hasSuffix("]"),
                let octets = Self.octets(text.dropFirst().dropLast(), AF_INET6, count: 16)
            else { return nil }
            self.init(version6: octets)
        } else {
            self.init(name: text.hasSuffix(".") ? text.dropLast() : text)
        }
    }

    /// - Parameter address: numeric, without brackets.
    package init?(address: String) {
        self.init(address.contains(":") ? "[\(address)]" : address[...])
    }

    private init?(name: Substring) {
        guard name.utf8.count <= Self.longest, name.utf8.allSatisfy(Self.isOfName),
            !name.split(separator: ".", omittingEmptySubsequences: false).contains("")
        else { return nil }
        let name = name.lowercased()
        description = name
        if let octets = Self.octets(name[...], AF_INET, count: 4) {
            isLoopback = octets[0] == 127
        } else {
            isLoopback = name == "localhost" || name.hasSuffix(".localhost")
        }
    }

    private init(version6 octets: [UInt8]) {
        // An IPv4 address in the clothes of IPv6.
        if octets.prefix(10).allSatisfy({ $0 == 0 }), octets[10...11] == [0xFF, 0xFF] {
            description = octets[12...].map { "\($0)" }.joined(separator: ".")
            isLoopback = octets[12] == 127
        } else {
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            inet_ntop(AF_INET6, octets, &text, socklen_t(text.count))
            let end = text.firstIndex(of: 0) ?? text.endIndex
            let characters = text[..<end].map { UInt8(bitPattern: $0) }
            description = "[\(String(decoding: characters, as: UTF8.self))]"
            isLoopback = octets.last == 1 && octets.dropLast().allSatisfy { $0 == 0 }
        }
    }

    private static func octets(_ text: Substring, _ family: Int32, count: Int) -> [UInt8]? {
        var octets = [UInt8](repeating: 0, count: count)
        return inet_pton(family, String(text), &octets) == 1 ? octets : nil
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// Whether both are the same machine: all names of loopback are.
    package func isSame(as other: WebHost) -> Bool {
        description == other.description || isLoopback && other.isLoopback
    }
}

/// `HOST` or `HOST:PORT`, as in a URL and in the field `Host`. User names are not known here.
package struct WebAuthority: Hashable, Sendable {
    package let host: WebHost
    package let port: Int?

    package init?(_ text: Substring) {
        let end: Substring.Index? =
            if text.hasPrefix("[") {
                text.firstIndex(of: "]").map(text.index(after:))
            } else {
                text.firstIndex(of: ":") ?? text.endIndex
            }
        guard let end, let host = WebHost(text[..<end]) else { return nil }
        let rest = text[end...]
        guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
        let digits = rest.dropFirst()
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        self.host = host
        if digits.isEmpty {
            port = nil
        } else {
            guard let number = UInt16(digits) else { return nil }
            port = Int(number)
        }
    }
}
