// The head of an HTTP/1.1 request or response: a start line and fields. Pure. Spec: RFC 9112, 2 to
// 5.

package import NIOCore

/// The part of an HTTP message before its body.
package struct HTTPHead: Equatable, Sendable {
    /// The longest head that is read, in bytes.
    package static let longest = 16 << 10

    /// What is not UTF-8 in it is U+FFFD.
    package var startLine: String
    /// Names in lower case, in the order they came.
    package var fields: [Field]

    package struct Field: Equatable, Sendable {
        package var name: String
        /// Nil if it is not UTF-8: such a value is opaque (RFC 9110, 5.5).
        package var value: String?
    }

    /// What stands at the front of the bytes received so far.
    package enum Parsed: Equatable {
        case incomplete
        case tooLong
        case malformed
        /// A head, which took so many bytes.
        case complete(HTTPHead, length: Int)
    }

    package static func parse(_ bytes: ByteBuffer) -> Parsed {
        let view = bytes.readableBytesView.prefix(longest)
        guard let end = HTTPHead.end(of: view) else {
            return bytes.readableBytes >= longest ? .tooLong : .incomplete
        }
        var lines = view[view.startIndex..<end].split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
        ).map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
        while lines.last?.isEmpty == true { lines.removeLast() }
        guard let start = lines.first, !start.isEmpty, lines.allSatisfy(isPrintable) else {
            return .malformed
        }
        var head = HTTPHead(startLine: String(decoding: start, as: UTF8.self), fields: [])
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
                line[..<colon].allSatisfy(isToken)
            else { return .malformed }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            let value = String(validating: line[(colon + 1)...], as: UTF8.self)
            head.fields.append(Field(name: name, value: value.map(trimmed)))
        }
        return .complete(head, length: end - view.startIndex)
    }

    /// Whether the fields of these names can be read.
    package func isReadable(_ names: [String]) -> Bool {
        fields.allSatisfy { $0.value != nil || !names.contains($0.name) }
    }

    /// The value of the only field of that name; nil if there is none or more than one.
    package func value(_ name: String) -> String? {
        let found = fields.filter { $0.name == name }
        return found.count == 1 ? found[0].value : nil
    }

    /// The elements of a comma-separated field, over all its lines.
    package func list(_ name: String) -> [String] {
        fields.filter { $0.name == name }.flatMap { field in
            (field.value ?? "").split(separator: ",").map { HTTPHead.trimmed(String($0)) }
        }.filter { !$0.isEmpty }
    }

    /// Whether the field's elements hold `token`, in whatever case.
    package func has(_ name: String, token: String) -> Bool {
        list(name).contains { $0.lowercased() == token }
    }

    /// The index after the empty line.
    private static func end(of view: ByteBufferView) -> Int? {
        var lineLength = 0
        var index = view.startIndex
        while index < view.endIndex {
            let byte = view[index]
            index += 1
            if byte == UInt8(ascii: "\n") {
                if lineLength == 0 { return index }
                lineLength = 0
            } else if byte != UInt8(ascii: "\r") {
                lineLength += 1
            }
        }
        return nil
    }

    private static func isPrintable(_ line: ByteBufferView) -> Bool {
        line.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    private static func trimmed(_ text: String) -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        guard let start = text.firstIndex(where: { !isBlank($0) }),
            let last = text.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(text[start...last])
    }
}
