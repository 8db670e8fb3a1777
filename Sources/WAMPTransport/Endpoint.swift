// Where a router listens or a client connects: a URL, parsed once. Knows nothing of sockets.

/// A transport address: `ws://`, `wss://` (WebSocket), `tcp://`, `tls://` (RawSocket; `rs://` and
/// `rss://` are other tools' names for these two) or `unix://PATH` (RawSocket).
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// Where the transport goes.
    public enum Address: Hashable, Sendable {
        /// A name or numeric address without brackets. Port 0 asks for a free one when listening.
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    /// The host and port, or the path of the socket.
    public let address: Address
    package let framing: Framing
    /// The resource of the WebSocket request, with its query; `/` for RawSocket.
    public let path: String
    /// Whether the scheme asks for TLS.
    public let isSecure: Bool

    package init(_ address: Address, framing: Framing, path: String = "/", isSecure: Bool = false) {
        self.address = address
        self.framing = framing
        self.path = path
        self.isSecure = isSecure
    }

    /// Reads a URL.
    /// - Throws: what is wrong with it, as one sentence.
    public init(_ url: String) throws(EndpointError) {
        guard let colon = url.firstRange(of: "://") else {
            throw EndpointError(
                "\"\(url)\" is not a URL: it must begin with "
                    + "ws://, wss://, tcp://, tls:// or unix://"
            )
        }
        let scheme = url[..<colon.lowerBound].lowercased()
        let rest = url[colon.upperBound...]
        switch scheme {
        case "unix":
            guard !rest.isEmpty else { throw EndpointError("\"\(url)\" names no socket path") }
            guard rest.utf8.count <= Endpoint.longestSocketPath, !rest.utf8.contains(0) else {
                throw EndpointError(
                    "the socket path of \"\(url)\" is longer than "
                        + "\(Endpoint.longestSocketPath) bytes"
                )
            }
            self.init(.unix(path: String(rest)), framing: .rawSocket)
        case "ws", "wss":
            let secure = scheme == "wss"
            let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            let resource = String(rest[end...])
            guard !resource.unicodeScalars.contains(where: { $0.value <= 0x20 || $0 == "#" }) else {
                throw EndpointError("the path of \"\(url)\" has a blank or a \"#\" in it")
            }
            self.init(
                try Endpoint.authority(rest[..<end], of: url, defaultPort: secure ? 443 : 80),
                framing: .webSocket, path: resource.hasPrefix("/") ? resource : "/" + resource,
                isSecure: secure)
        case "tcp", "tls", "rs", "rss":
            let host = rest.hasSuffix("/") ? rest.dropLast() : rest
            guard !host.contains("/") else {
                throw EndpointError("\"\(url)\" has a path, which \(scheme):// does not know")
            }
            self.init(
                try Endpoint.authority(host, of: url, defaultPort: nil), framing: .rawSocket,
                isSecure: scheme == "tls" || scheme == "rss")
        default:
            throw EndpointError(
                "\"\(scheme)://\" is not a known scheme: use ws, wss, tcp, tls or unix")
        }
    }

    /// As a URL that reads back as the same endpoint.
    public var description: String {
        switch address {
        case .unix(let path): return "unix://\(path)"
        case .tcp(let host, let port):
            let authority = Endpoint.authority(host: host, port: port)
            switch framing {
            case .rawSocket: return (isSecure ? "tls://" : "tcp://") + authority
            case .webSocket: return (isSecure ? "wss://" : "ws://") + authority + path
            }
        }
    }

    /// `host:port` as it stands in URLs and in the `Host` field of HTTP.
    package static func authority(host: String, port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// The bytes that `sockaddr_un` has room for, less its closing zero.
    private static let longestSocketPath = 107

    private static func authority(
        _ text: Substring, of url: String, defaultPort: Int?
    ) throws(EndpointError) -> Address {
        var host = text
        var portText: Substring?
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else {
                throw EndpointError("\"\(url)\" has a \"[\" without its \"]\"")
            }
            host = text[text.index(after: text.startIndex)..<close]
            let tail = text[text.index(after: close)...]
            if tail.hasPrefix(":") {
                portText = tail.dropFirst()
            } else if !tail.isEmpty {
                throw EndpointError("\"\(url)\" has \"\(tail)\" where its port should be")
            }
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            portText = text[text.index(after: colon)...]
            guard !host.contains(":") else {
                throw EndpointError(
                    "an IPv6 address stands in brackets: write [\(text)] in \"\(url)\"")
            }
        }
        guard !host.isEmpty else { throw EndpointError("\"\(url)\" names no host") }
        guard !host.contains("@") else {
            throw EndpointError(
                "\"\(url)\" has a user name in it; credentials are options of their own")
        }
        guard let portText else {
            guard let defaultPort else { throw EndpointError("\"\(url)\" names no port") }
            return .tcp(host: String(host), port: defaultPort)
        }
        guard portText.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = Int(portText), port <= 65535
        else {
            throw EndpointError("\"\(portText)\" in \"\(url)\" is not a port: it is 0 to 65535")
        }
        return .tcp(host: String(host), port: port)
    }
}

/// What is wrong with a URL.
public struct EndpointError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public let description: String

    package init(_ description: String) { self.description = description }
}

/// How messages are told apart in a stream of bytes.
package enum Framing: Hashable, Sendable {
    case rawSocket, webSocket
}

extension Endpoint {
    /// The same endpoint with another port: the one the system chose.
    package func with(port: Int) -> Endpoint {
        guard case .tcp(let host, _) = address else { return self }
        return Endpoint(
            .tcp(host: host, port: port), framing: framing, path: path, isSecure: isSecure)
    }
}
