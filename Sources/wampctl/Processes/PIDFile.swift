// The file of `--pid-file`: it belongs to the process whose number it holds, as long as that lives.

import Glibc

struct PIDFile {
    let path: String

    init(_ path: String) { self.path = path }

    /// - Throws: if another process that lives has it.
    func check() throws(CommandFailure) {
        guard let owner, owner != getpid(), kill(owner, 0) == 0 || errno == EPERM else { return }
        throw CommandFailure(
            .conflict, "'\(path)' belongs to the running process \(owner)",
            hints: ["end that one, or name another file"])
    }

    func write() throws(CommandFailure) {
        try check()
        guard !File.replace(path, with: "\(getpid())\n") else { return }
        throw CommandFailure(.failure, "cannot write '\(path)': \(File.reason())")
    }

    /// Removes it, unless it has become another's.
    func remove() { if owner == getpid() { unlink(path) } }

    /// The process whose number it holds.
    private var owner: pid_t? {
        guard let bytes = try? File.contents(path),
            let text = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
                .first,
            let number = pid_t(text), number > 0
        else { return nil }
        return number
    }
}
