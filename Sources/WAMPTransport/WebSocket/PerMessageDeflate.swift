// The negotiation of permessage-deflate, either side. Neither end keeps the window of one message
// for the next, which costs some compression and saves the memory of a window per connection.
// Pure: elements of the header field in and out. Spec: RFC 7692, 5 and 7.1.

enum PerMessageDeflate {
    static let name = "permessage-deflate"
    /// As the power of two: 32 KiB.
    static let widestWindow: UInt8 = 15

    /// What a client asks for.
    static let offer = "\(name); server_no_context_takeover; client_no_context_takeover"

    /// Answers the first offer that can be met.
    /// - Parameter offers: the elements of the client's Sec-WebSocket-Extensions.
    /// - Returns: the bits of the window to compress with, and the element of the response; nil to
    ///   go without.
    static func answer(_ offers: [String]) -> (bits: UInt8, response: String)? {
        for offer in offers {
            guard let parameters = parameters(offer), let bits = bits(asked: parameters) else {
                continue
            }
            let window =
                parameters["server_max_window_bits"] == nil
                ? "" : "; server_max_window_bits=\(bits)"
            return (bits, self.offer + window)
        }
        return nil
    }

    /// The window that a client's offer leaves us; nil if the offer cannot be met.
    private static func bits(asked parameters: [String: String?]) -> UInt8? {
        var bits = widestWindow
        for (name, value) in parameters {
            switch name {
            case "server_no_context_takeover", "client_no_context_takeover":
                guard value == nil else { return nil }
            case "server_max_window_bits":
                // zlib does not write raw data for the smallest window.
                guard let value, let asked = windowBits(value), asked > 8 else { return nil }
                bits = asked
            case "client_max_window_bits":
                if let value { guard windowBits(value) != nil else { return nil } }
            default: return nil
            }
        }
        return bits
    }

    /// Whether a server's answer to `offer` is one that we can live with.
    static func isMet(by element: String) -> Bool {
        guard let parameters = parameters(element),
            parameters["server_no_context_takeover"] != nil
        else { return false }
        return parameters.allSatisfy { name, value in
            switch name {
            case "server_no_context_takeover", "client_no_context_takeover": value == nil
            case "server_max_window_bits": value.flatMap(windowBits) != nil
            default: false
            }
        }
    }

    /// The parameters of an element for this extension; nil for another one, and for what is
    /// malformed or says a thing twice.
    private static func parameters(_ element: String) -> [String: String?]? {
        let parts = element.split(separator: ";", omittingEmptySubsequences: false).map(trimmed)
        guard parts.first?.lowercased() == name else { return nil }
        var parameters: [String: String?] = [:]
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map(trimmed)
            guard let key = pair.first?.lowercased(), !key.isEmpty, parameters[key] == nil else {
                return nil
            }
            parameters.updateValue(pair.count == 2 ? unquoted(pair[1]) : nil, forKey: key)
        }
        return parameters
    }

    private static func windowBits(_ text: String) -> UInt8? {
        guard let bits = UInt8(text), (8...15).contains(bits), text == "\(bits)" else { return nil }
        return bits
    }

    private static func unquoted(_ text: String) -> String {
        guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return text }
        return String(text.dropFirst().dropLast())
    }

    private static func trimmed(_ text: Substring) -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let start = text.drop(while: isBlank)
        return String(start.reversed().drop(while: isBlank).reversed())
    }
}
