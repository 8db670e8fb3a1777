// Secrets that lie in files: read with a word about files that others can read, written for the
// owner alone.

import Glibc
import WAMP

enum SecretFile {
    /// The text of a file without the newline at its end.
    static func text(_ path: String, isQuiet: Bool) throws(CommandFailure) -> String {
        let bytes: [UInt8]
        do throws(FileError) { bytes = try File.contents(path) } catch {
            throw CommandFailure(.usage, error.description)
        }
        guard var text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(.usage, "'\(path)' is not UTF-8 text")
        }
        if text.last?.isNewline == true { text.removeLast() }
        guard !text.isEmpty else { throw CommandFailure(.usage, "'\(path)' is empty") }
        var info = stat()
        if !isQuiet, stat(path, &info) == 0, info.st_mode & 0o077 != 0 {
            Streams.shared.say("warning: others may read '\(path)'; chmod 600 \(path)")
        }
        return text
    }

    /// The Ed25519 private key that a file holds in hexadecimal digits.
    static func privateKey(_ path: String, isQuiet: Bool) throws(CommandFailure) -> [UInt8] {
        try privateKey(in: try text(path, isQuiet: isQuiet), of: "'\(path)'")
    }

    /// - Parameter name: of what holds the text, for the failure.
    static func privateKey(in text: String, of name: String) throws(CommandFailure) -> [UInt8] {
        if let key = HexText.decode(text, count: 32) { return key }
        let digits = "64 hexadecimal digits, as 'wampctl keygen' writes it"
        switch PrivateKeyText(text) {
        case nil:
            throw CommandFailure(.usage, "\(name) does not hold a private key: \(digits)")
        case let form? where form.isLocked:
            throw CommandFailure(
                .usage, "\(name) holds a private key with a passphrase, which is not asked for",
                hints: ["a key for cryptosign is \(digits)"])
        case .openSSH?:
            throw CommandFailure(.usage, "\(name) holds a private key of OpenSSH, not \(digits)")
        case .pem?:
            throw CommandFailure(.usage, "\(name) holds a private key in PEM, not \(digits)")
        }
    }

    /// Writes a file that was not there.
    /// - Parameter isForced: replace one that was.
    static func write(
        _ text: String, to path: String, mode: mode_t = 0o600, isForced: Bool
    ) throws(CommandFailure) {
        if isForced { unlink(path) }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            throw errno == EEXIST
                ? CommandFailure(
                    .failure, "'\(path)' is there already", hints: ["replace it: --force"])
                : CommandFailure(.failure, "cannot write '\(path)': \(File.reason())")
        }
        let isWritten = File.write(Array("\(text)\n".utf8), to: descriptor)
        close(descriptor)
        guard isWritten else {
            throw CommandFailure(.failure, "cannot write '\(path)': \(File.reason())")
        }
    }
}
