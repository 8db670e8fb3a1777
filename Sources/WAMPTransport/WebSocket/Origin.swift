// Which page a browser connects for: the field `Origin`. Pure. Spec: RFC 6454, 6 and 7.

/// Scheme, host and port of a page.
package struct Origin: Hashable, Sendable, CustomStringConvertible {
    /// In lower case.
    package let scheme: String
    /// Nil for pages that come from no host, such as `file://`.
    package let host: WebHost?
    /// That of the scheme if none is said; nil if that has none either.
    package let port: Int?

    private static let ports = ["http": 80, "https": 443, "ws": 80, "wss": 443]

    /// Reads an origin as browsers write it.
    /// - Returns: nil for what is none, such as a URL with a user name or a path.
    package init?(_ text: some StringProtocol) {
        guard let separator = text.firstRange(of: "://"),
            let scheme = Self.scheme(Substring(text[..<separator.lowerBound]))
        else { return nil }
        let rest = Substring(text[separator.upperBound...])
        self.scheme = scheme
        if rest.isEmpty, Self.ports[scheme] == nil {
            host = nil
            port = nil
            return
        }
        guard let authority = WebAuthority(rest) else { return nil }
        host = authority.host
        port = authority.port ?? Self.ports[scheme]
    }

    /// Whether it is a page of the web, and not of an extension or an app, which has hosts of its
    /// own making.
    var isOfWeb: Bool { Self.ports[scheme] != nil }

    package var description: String {
        let suffix = port == Self.ports[scheme] ? "" : port.map { ":\($0)" } ?? ""
        return "\(scheme)://\(host?.description ?? "")\(suffix)"
    }

    /// A scheme in lower case: a letter, then letters, digits, `+`, `-` and `.`.
    static func scheme(_ text: Substring) -> String? {
        guard text.first?.isLetter == true,
            text.utf8.allSatisfy({ byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"),
                    UInt8(ascii: "."):
                    true
                default: false
                }
            })
        else { return nil }
        return text.lowercased()
    }
}

/// Pages that may connect though they are of another host: an entry of `allowed_origins`.
///
/// `https://app.example.com` is one origin, with the port of its scheme if none is said;
/// `*.example.com` stands for all hosts below `example.com`, whatever their scheme and port,
/// `https://*.example.com` for those with that scheme; `null` for pages without an origin of their
/// own, such as sandboxed frames; and `*` for all.
public struct OriginPattern: Hashable, Sendable, CustomStringConvertible {
    /// As it was written.
    public let description: String
    private let kind: Kind

    private enum Kind: Hashable {
        case all
        case null
        case origin(Origin)
        /// Nil stands for any.
        case below(WebHost, scheme: String?, port: Int?)
    }

    /// - Throws: what is wrong with it, as one sentence.
    public init(_ text: String) throws(OriginError) {
        description = text
        if text == "*" {
            kind = .all
        } else if text == "null" {
            kind = .null
        } else if let origin = Origin(text) {
            kind = .origin(origin)
        } else if let (host, scheme, port) = Self.below(text) {
            kind = .below(host, scheme: scheme, port: port)
        } else {
            throw OriginError(
                description: "\"\(text)\" is no origin: write scheme://host, scheme://host:port, "
                    + "*.host, \"null\" or \"*\"")
        }
    }

    /// `*.HOST`, with or without a scheme before and a port behind it.
    private static func below(_ text: String) -> (WebHost, scheme: String?, port: Int?)? {
        guard let star = text.firstRange(of: "*."),
            let authority = WebAuthority(text[star.upperBound...])
        else { return nil }
        let front = text[..<star.lowerBound]
        if front.isEmpty { return (authority.host, nil, authority.port) }
        guard front.hasSuffix("://"), let scheme = Origin.scheme(front.dropLast(3)),
            let origin = Origin(front + text[star.upperBound...])
        else { return nil }
        return (authority.host, scheme, origin.port)
    }

    /// - Parameter text: the value of the field `Origin`.
    /// - Parameter origin: what it says; nil if that is no origin.
    func matches(_ text: String, _ origin: Origin?) -> Bool {
        switch kind {
        case .all: true
        case .null: text == "null"
        case .origin(let allowed): origin == allowed
        case .below(let host, let scheme, let port):
            origin?.host?.description.hasSuffix(".\(host)") == true
                && (scheme == nil || origin?.scheme == scheme)
                && (port == nil || origin?.port == port)
        }
    }
}

/// What is wrong with an entry of `allowed_origins`.
public struct OriginError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public let description: String
}

/// Which pages may come in at one path.
///
/// A browser connects for any page to any address and says only in `Origin` for which: a page from
/// elsewhere would have what its visitor can reach. So a page must be of the router's own host; its
/// port may be another, as that of a development server is. A router on loopback is known by the
/// names of loopback alone: any other name in `Host` is a page's own that was bound to this
/// address (DNS rebinding).
package struct OriginRule: Hashable, Sendable {
    /// Those that may come in besides.
    package var allowed: [OriginPattern] = []
    /// Whether the socket is bound to loopback.
    package var isOnLoopback = false

    package init() {}

    /// Why a page may not come in, in one sentence with the cure; nil if it may.
    /// - Parameters:
    ///   - text: the value of the field `Origin`.
    ///   - host: that of `Host`.
    package func refusal(of text: String, at host: String) -> String? {
        let origin = Origin(text)
        if allowed.contains(where: { $0.matches(text, origin) }) { return nil }
        if let origin, origin.isOfWeb, let page = origin.host,
            let own = WebAuthority(host[...])?.host, page.isSame(as: own),
            own.isLoopback || !isOnLoopback
        {
            return nil
        }
        guard let name = text == "null" ? text : origin?.description else {
            return "The value of the field Origin is no origin of a page."
        }
        // These quotes need no escape where the sentence stands in quotes itself.
        return "Pages of the origin \(name) may not use this router: "
            + "allow them with allowed_origins: ['\(name)'] in its configuration."
    }
}
