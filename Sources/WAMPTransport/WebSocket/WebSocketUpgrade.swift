// The opening handshake of WebSocket, either side. Pure: heads in, heads out. Spec: RFC 6455, 4.

import Crypto
package import WAMP

package enum WebSocketUpgrade {
    /// What a server answers to a request.
    package enum Answer: Equatable {
        case accept(WebSocketAgreement, response: String)
        /// The response is sent and the connection closed.
        /// - Parameter text: says why, to the client in the response's body and to the log.
        case refuse(status: Int, response: String, text: String)
    }

    /// The fields of a request that are read.
    private static let fields = [
        "connection", "host", "origin", "sec-websocket-extensions", "sec-websocket-key",
        "sec-websocket-protocol", "sec-websocket-version", "upgrade",
    ]

    /// Answers the head of a client's request. The first subprotocol it offers that is supported is
    /// taken.
    /// - Parameters:
    ///   - paths: where WebSocket is served, and which pages may come in there.
    ///   - deflate: whether messages may be compressed.
    package static func answer(
        _ request: HTTPHead, paths: [String: OriginRule], serializers: [Serializer],
        deflate: Bool = false
    ) -> Answer {
        guard request.isReadable(fields) else { return badRequest }
        let parts = request.startLine.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2].hasPrefix("HTTP/1.") else { return badRequest }
        guard parts[0] == "GET" else {
            return refusal(405, "Method Not Allowed", "Only GET is known here.", "Allow: GET\r\n")
        }
        guard parts[2] == "HTTP/1.1", let target = path(of: parts[1]) else { return badRequest }
        guard let rule = paths[target] else {
            return refusal(404, "Not Found", "There is no WAMP router at this path.")
        }
        guard request.has("upgrade", token: "websocket"),
            request.has("connection", token: "upgrade")
        else {
            return refusal(
                426, "Upgrade Required", "This is a WAMP router: connect with WebSocket.",
                "Upgrade: websocket\r\n")
        }
        guard request.value("sec-websocket-version") == "13" else {
            return refusal(
                426, "Upgrade Required", "Only WebSocket version 13 is spoken here.",
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n")
        }
        guard let host = request.value("host") else { return badRequest }
        if request.fields.contains(where: { $0.name == "origin" }) {
            guard let origin = request.value("origin") else { return badRequest }
            if let text = rule.refusal(of: origin, at: host) {
                return refusal(403, "Forbidden", text)
            }
        }
        guard let key = request.value("sec-websocket-key"), isKey(key) else {
            return refusal(400, "Bad Request", "Sec-WebSocket-Key must be 16 bytes in base64.")
        }
        for offer in request.list("sec-websocket-protocol") {
            guard
                var agreement = WebSocketAgreement(subprotocol: offer, among: serializers)
            else { continue }
            var extensions = ""
            if deflate,
                let answer = PerMessageDeflate.answer(request.list("sec-websocket-extensions"))
            {
                agreement.deflateBits = answer.bits
                extensions = "Sec-WebSocket-Extensions: \(answer.response)\r\n"
            }
            return .accept(
                agreement,
                response: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    + "Connection: Upgrade\r\nSec-WebSocket-Accept: \(accept(key))\r\n"
                    + "Sec-WebSocket-Protocol: \(agreement.subprotocol)\r\n\(extensions)\r\n")
        }
        let known = serializers.map(\.subprotocol).joined(separator: ", ")
        return refusal(
            400, "Bad Request", "None of the offered subprotocols is known here; known: \(known).")
    }

    /// The answer to a head that is not HTTP.
    package static var badRequest: Answer {
        refusal(400, "Bad Request", "This is not a WebSocket request.")
    }

    /// The answer to a head that does not end.
    package static var headTooLong: Answer {
        refusal(
            431, "Request Header Fields Too Large",
            "The head is longer than \(HTTPHead.longest) bytes.")
    }

    /// The answer of a router that has no room for another connection.
    package static var full: Answer {
        refusal(
            503, "Service Unavailable", "The router has reached its number of connections.",
            "Retry-After: 1\r\n")
    }

    private static func refusal(
        _ status: Int, _ name: String, _ text: String, _ fields: String = ""
    ) -> Answer {
        .refuse(
            status: status,
            response: "HTTP/1.1 \(status) \(name)\r\n\(fields)"
                + "Content-Type: text/plain; charset=utf-8\r\n"
                + "Content-Length: \(text.utf8.count + 1)\r\nConnection: close\r\n\r\n\(text)\n",
            text: text)
    }

    /// The path of a request target, in origin form or absolute form, without the query, whose
    /// bytes do not matter.
    private static func path(of target: Substring) -> String? {
        var path = target.unicodeScalars.prefix { $0 != "?" }
        if path.first != "/", let scheme = path.firstRange(of: "://".unicodeScalars) {
            let authority = path[scheme.upperBound...]
            path =
                authority.firstIndex(of: "/").map { authority[$0...] }
                ?? Substring("/").unicodeScalars
        }
        guard path.first == "/", !path.contains("\u{FFFD}") else { return nil }
        return String(path)
    }

    private static func isKey(_ key: String) -> Bool { Base64.decode(key)?.count == 16 }

    /// A client's request.
    /// - Parameter key: from `newKey`.
    package static func request(
        host: String, path: String, serializer: Serializer, isBatched: Bool = false,
        deflate: Bool = false, key: String
    ) -> String {
        let subprotocol = WebSocketAgreement(serializer, isBatched: isBatched).subprotocol
        let extensions =
            deflate ? "Sec-WebSocket-Extensions: \(PerMessageDeflate.offer)\r\n" : ""
        return
            "GET \(path) HTTP/1.1\r\nHost: \(host)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: \(key)\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Protocol: \(subprotocol)\r\n\(extensions)\r\n"
    }

    /// A random key for `request`.
    package static func newKey() -> String {
        var generator = SystemRandomNumberGenerator()
        return Base64.text((0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    /// Why a client cannot go on, as a sentence.
    package struct Refusal: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// Reads the head of the server's response to `request`.
    /// - Returns: what was agreed on, if the connection is open.
    package static func read(
        _ response: HTTPHead, serializer: Serializer, isBatched: Bool = false,
        deflate: Bool = false, key: String
    ) -> Swift.Result<WebSocketAgreement, Refusal> {
        var agreement = WebSocketAgreement(serializer, isBatched: isBatched)
        if let fault = fault(in: response, subprotocol: agreement.subprotocol, key: key) {
            return .failure(Refusal(description: fault))
        }
        let extensions = response.list("sec-websocket-extensions")
        if let accepted = extensions.first {
            guard deflate, extensions.count == 1, PerMessageDeflate.isMet(by: accepted) else {
                return .failure(
                    Refusal(description: "the server's WebSocket extensions were not asked for"))
            }
            agreement.deflateBits = PerMessageDeflate.widestWindow
        }
        return .success(agreement)
    }

    private static func fault(
        in response: HTTPHead, subprotocol: String, key: String
    ) -> String? {
        let parts = response.startLine.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), let status = Int(parts[1]) else {
            return "the answer is not HTTP"
        }
        guard status == 101 else {
            let phrase = parts.count == 3 ? " \(parts[2])" : ""
            return "the server refused the WebSocket upgrade with HTTP \(status)\(phrase)"
        }
        guard response.has("upgrade", token: "websocket"),
            response.has("connection", token: "upgrade"),
            response.value("sec-websocket-accept") == accept(key)
        else { return "the server's WebSocket handshake is not valid" }
        guard response.value("sec-websocket-protocol") == subprotocol else {
            return "the server does not speak \(subprotocol)"
        }
        return nil
    }

    private static func accept(_ key: String) -> String {
        let text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        return Base64.text(Array(Insecure.SHA1.hash(data: Array(text.utf8))))
    }
}
