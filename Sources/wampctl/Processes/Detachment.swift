// `--detach`: the same program again in a session of its own, with a descriptor to say that it is
// ready. A running multi-threaded process is never forked.

import Glibc
import WAMP

enum Detachment {
    /// Tells the child that it is one; taken out of its environment at once.
    private static let variable = "WAMPCTL_DETACHED"

    /// Where the child says that it is ready.
    private static let readyDescriptor: Int32 = 3

    /// Starts the detached process and waits until it is ready.
    ///
    /// - Returns: 0 when it is, with its PID on stdout; else its own exit code, with its own
    ///   message on stderr.
    static func run(_ command: any Command, readiness: ReadinessOptions) throws(CommandFailure)
        -> Int32
    {
        let ready = try ChildProcess.pipe(), talk = try ChildProcess.pipe()
        var environment = ChildProcess.inheritedEnvironment()
        environment[variable] = "1"
        let child: ChildProcess
        do throws(SpawnError) {
            child = try ChildProcess(
                executable, arguments: childArguments(CommandLine.arguments.dropFirst()),
                environment: environment,
                streams: [.null, .null, .descriptor(talk.write), .descriptor(ready.write)],
                isDetached: true)
        } catch {
            throw CommandFailure(
                .failure, "cannot start '\(executable)': \(File.reason(error.code))")
        }
        close(ready.write)
        close(talk.write)
        // The child's talk ends with its readiness or with itself, so it is read first.
        var line: [UInt8] = [], text: [UInt8] = []
        collect(from: (ready.read, talk.read), line: &line, text: &text)
        _ = File.write(text, to: STDERR_FILENO)
        guard !line.isEmpty else { return ChildProcess.wait(for: child.id) }
        if let descriptor = readiness.readyDescriptor {
            _ = File.write(line, to: descriptor)
            close(descriptor)
        }
        Streams.shared.print("\(child.id)")
        return ExitCode.ok.rawValue
    }

    /// Reads both pipes until the child has closed them: readiness closes the one, and what is said
    /// the other.
    private static func collect(
        from pipes: (ready: Int32, talk: Int32), line: inout [UInt8], text: inout [UInt8]
    ) {
        var slots = [
            pollfd(fd: pipes.ready, events: Int16(POLLIN), revents: 0),
            pollfd(fd: pipes.talk, events: Int16(POLLIN), revents: 0),
        ]
        var chunk = [UInt8](repeating: 0, count: 4096)
        while slots.contains(where: { $0.fd >= 0 }) {
            guard poll(&slots, 2, -1) >= 0 || errno == EINTR else { return }
            for index in slots.indices where slots[index].fd >= 0 && slots[index].revents != 0 {
                let count = read(slots[index].fd, &chunk, chunk.count)
                if count > 0 {
                    if index == 0 {
                        line.append(contentsOf: chunk[..<count])
                    } else {
                        text.append(contentsOf: chunk[..<count])
                    }
                } else if count == 0 || errno != EINTR {
                    slots[index].fd = -1
                }
            }
        }
    }

    /// The words for the child: those of this process without `--detach`, and its own ready
    /// descriptor.
    static func childArguments(_ arguments: ArraySlice<String>) -> [String] {
        var words: [String] = []
        var rest = arguments
        while let word = rest.popFirst() {
            if word == "--" {
                words += [word] + rest
                break
            }
            if word == "--detach" || word.hasPrefix("--ready-fd=") { continue }
            if word == "--ready-fd" {
                _ = rest.popFirst()
                continue
            }
            words.append(word)
        }
        words.insert("--ready-fd=\(readyDescriptor)", at: min(1, words.count))
        return words
    }

    /// Whether this process is a detached one.
    static let isChild: Bool = {
        let isChild = getenv(variable) != nil
        unsetenv(variable)
        return isChild
    }()

    /// The path of this program.
    static var executable: String {
        var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = path.withUnsafeMutableBytes { bytes -> Int in
            guard let start = bytes.baseAddress else { return 0 }
            return readlink(
                "/proc/self/exe", start.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard count > 0 else { return CommandLine.arguments.first ?? "wampctl" }
        return String(decoding: path[..<count], as: UTF8.self)
    }
}

/// Says that a command is ready, in the way it was asked to.
enum Readiness {
    /// Checks that the descriptor can be written to, before any work is done.
    static func check(_ options: ReadinessOptions) throws(CommandFailure) {
        guard let descriptor = options.readyDescriptor else { return }
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, flags & O_ACCMODE != O_RDONLY else {
            throw CommandFailure(
                .usage, "--ready-fd \(descriptor): the descriptor is not open for writing")
        }
        // Not for the programs started from here.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    /// Writes the line and closes the descriptor. A detached process falls silent with it.
    static func announce(_ facts: Value.Dictionary, _ options: ReadinessOptions) {
        if let descriptor = options.readyDescriptor {
            _ = File.write(Array("\(JSONText.text(.dictionary(facts)))\n".utf8), to: descriptor)
            close(descriptor)
        }
        guard Detachment.isChild else { return }
        Streams.shared.flushTalk()
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0 else { return }
        dup2(null, STDERR_FILENO)
        close(null)
    }
}
