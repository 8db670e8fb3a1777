// What a file with a private key holds, by the frame of its text: whether it must be opened with a
// passphrase before anybody can use it.

package enum PrivateKeyText: Equatable {
    /// `BEGIN OPENSSH PRIVATE KEY`, as ssh-keygen writes it.
    case openSSH(isLocked: Bool)
    /// Any other PEM, as openssl writes it.
    case pem(isLocked: Bool)

    /// Nil if it is no framed private key.
    package init?(_ text: String) {
        let lines = text.split(whereSeparator: \.isNewline)
        guard let first = lines.first(where: { $0.hasPrefix("-----BEGIN ") }),
            first.hasSuffix("PRIVATE KEY-----")
        else { return nil }
        if first.contains("OPENSSH") {
            self = .openSSH(isLocked: !Self.opensFreely(lines))
        } else {
            let isLocked = first.contains("ENCRYPTED") || text.contains("Proc-Type: 4,ENCRYPTED")
            self = .pem(isLocked: isLocked)
        }
    }

    package var isLocked: Bool {
        switch self {
        case .openSSH(let isLocked), .pem(let isLocked): isLocked
        }
    }

    /// Whether an OpenSSH key names the cipher `none`: a magic word, then the name with its length.
    private static func opensFreely(_ lines: [Substring]) -> Bool {
        let body = lines.filter { !$0.hasPrefix("-----") }.joined()
        let bytes = Base64.decode(body) ?? []
        return bytes.starts(with: Array("openssh-key-v1\0\0\0\0\u{4}none".utf8))
    }
}
