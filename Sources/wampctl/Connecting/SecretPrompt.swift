// Asks for a secret on the terminal, whatever the streams are. The terminal shows what is typed
// again afterwards, on every path, and while the process is stopped.

import Glibc

enum SecretPrompt {
    static func ask(_ question: String) throws(CommandFailure) -> String {
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else {
            throw CommandFailure(
                .usage, "there is no terminal to ask on",
                hints: ["--secret-file FILE takes the secret from a file"])
        }
        defer { close(terminal) }
        var before = termios()
        guard tcgetattr(terminal, &before) == 0 else {
            throw CommandFailure(.failure, "cannot ask on the terminal: \(File.reason())")
        }
        let signals = try SignalPipe()
        let line = readLine(terminal, question, before, signals)
        signals.end()
        switch line {
        case .signal(let signal): throw CommandFailure(ended: signal)
        case .text(let bytes):
            guard let secret = String(validating: bytes, as: UTF8.self) else {
                throw CommandFailure(.usage, "the secret is not UTF-8 text")
            }
            guard !secret.isEmpty else { throw CommandFailure(.usage, "no secret was given") }
            return secret
        }
    }

    private enum Line {
        case text([UInt8])
        case signal(Int32)
    }

    private static func readLine(
        _ terminal: Int32, _ question: String, _ before: termios, _ signals: SignalPipe
    ) -> Line {
        var before = before
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        func begin() {
            tcsetattr(terminal, TCSAFLUSH, &silent)
            _ = File.write(Array(question.utf8), to: terminal)
        }
        func end() {
            tcsetattr(terminal, TCSAFLUSH, &before)
            _ = File.write([UInt8(ascii: "\n")], to: terminal)
        }
        var line: [UInt8] = []
        begin()
        while true {
            switch signals.next(orInput: terminal) {
            case nil:
                var byte: UInt8 = 0
                let count = read(terminal, &byte, 1)
                if count < 0, errno == EINTR { continue }
                guard count == 1, byte != UInt8(ascii: "\n") else {
                    end()
                    return .text(line)
                }
                line.append(byte)
            case SIGTSTP:
                // What was typed until here is gone.
                end()
                line = []
                raise(SIGSTOP)
                begin()
            case let signal?:
                end()
                return .signal(signal)
            }
        }
    }
}

/// The signals that end or stop a process, while somebody is asked: each is a byte in a pipe, so
/// that it can be waited for together with input.
private struct SignalPipe {
    private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP]
    /// For the handler, which may use nothing else.
    nonisolated(unsafe) private static var writeEnd: Int32 = -1

    private let readEnd: Int32
    private var former: [(signal: Int32, action: sigaction)] = []

    init() throws(CommandFailure) {
        let pipe = try ChildProcess.pipe()
        readEnd = pipe.read
        Self.writeEnd = pipe.write
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { signal in
            let code = errno
            var byte = UInt8(truncatingIfNeeded: signal)
            _ = write(SignalPipe.writeEnd, &byte, 1)
            errno = code
        }
        action.sa_flags = SA_RESTART
        for signal in Self.signals {
            var old = sigaction()
            sigaction(signal, nil, &old)
            // What the parent has switched off, such as SIGHUP by nohup, stays off.
            let handler = unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self)
            guard handler != unsafeBitCast(SIG_IGN, to: Int.self) else { continue }
            sigaction(signal, &action, nil)
            former.append((signal, old))
        }
    }

    /// Waits for a signal, or for input: then nil.
    func next(orInput terminal: Int32) -> Int32? {
        var slots = [
            pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0),
            pollfd(fd: terminal, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            guard poll(&slots, 2, -1) > 0 else { continue }
            guard slots[0].revents != 0 else { return nil }
            var byte: UInt8 = 0
            if read(readEnd, &byte, 1) == 1 { return Int32(byte) }
        }
    }

    func end() {
        for (signal, var action) in former { sigaction(signal, &action, nil) }
        close(readEnd)
        close(Self.writeEnd)
    }
}

extension CommandFailure {
    /// Given up by a signal: nothing is left to be said.
    fileprivate init(ended signal: Int32) {
        self.init(ExitCode(rawValue: ExitCode.ended(by: signal)) ?? .interrupted, "interrupted")
    }
}
