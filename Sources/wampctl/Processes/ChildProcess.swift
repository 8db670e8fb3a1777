// Starting other programs. A child gets default signal handling whatever this process has set for
// itself, and no descriptor but those it is given.

import Dispatch
import Glibc

struct ChildProcess {
    let id: pid_t

    /// Where a descriptor of the child comes from.
    enum Source {
        case inherited
        case null
        case descriptor(Int32)
    }

    /// Starts a program, searched in PATH if its name has no slash.
    ///
    /// - Parameters:
    ///   - streams: the child's descriptors from 0 on.
    ///   - isDetached: gives it a session of its own, away from this terminal.
    /// - Throws: the code of `errno`.
    init(
        _ program: String, arguments: [String], environment: [String: String],
        streams: [Source] = [.inherited, .inherited, .inherited], isDetached: Bool = false
    ) throws(SpawnError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (descriptor, source) in streams.enumerated() {
            switch source {
            case .inherited: break
            case .null:
                posix_spawn_file_actions_addopen(
                    &actions, Int32(descriptor), "/dev/null", O_RDWR, 0)
            case .descriptor(let own):
                posix_spawn_file_actions_adddup2(&actions, own, Int32(descriptor))
            }
        }
        for descriptor in Self.openDescriptors where descriptor >= streams.count {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var all = sigset_t(), none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        var flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        if isDetached { flags |= Self.setSession }
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var words = ([program] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (words + variables).forEach { free($0) } }
        var id: pid_t = 0
        let code = posix_spawnp(&id, program, &actions, &attributes, &words, &variables)
        guard code == 0 else { throw SpawnError(code: code) }
        self.id = id
    }

    /// `POSIX_SPAWN_SETSID`, which glibc shows only to GNU programs.
    private static let setSession: Int32 = 0x80

    /// Waits in the background until the child has ended, and tells its exit code as a shell would.
    /// - Parameter reapsOrphans: lets go of all others that end meanwhile, which the first process
    ///   of a container inherits. Nobody else may wait for a child then.
    func whenEnded(
        reapsOrphans: Bool = false, _ report: @escaping @Sendable (Int32) -> Void
    ) {
        let id = id
        DispatchQueue.global().async {
            report(ChildProcess.wait(for: id, reapsOrphans: reapsOrphans))
        }
    }

    /// Blocks until the child has ended, for this long at the most.
    /// - Returns: whether it has.
    static func hasEnded(_ id: pid_t, within patience: Duration) -> Bool {
        let deadline = ContinuousClock.now + patience
        var status: Int32 = 0
        while waitpid(id, &status, WNOHANG) == 0 {
            guard ContinuousClock.now < deadline else { return false }
            usleep(5000)
        }
        return true
    }

    /// Blocks until the child has ended.
    static func wait(for id: pid_t, reapsOrphans: Bool = false) -> Int32 {
        var status: Int32 = 0
        while true {
            let ended = waitpid(reapsOrphans ? -1 : id, &status, 0)
            if ended == id { break }
            guard ended > 0 || errno == EINTR else { return ExitCode.failure.rawValue }
        }
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : ExitCode.ended(by: signal)
    }

    /// A pipe that no other child inherits.
    static func pipe() throws(CommandFailure) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else {
            throw CommandFailure(.failure, "cannot make a pipe: \(File.reason())")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static var openDescriptors: [Int32] {
        guard let directory = opendir("/proc/self/fd") else { return [] }
        defer { closedir(directory) }
        var descriptors: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let descriptor = Int32(name) { descriptors.append(descriptor) }
        }
        return descriptors
    }

    /// All environment variables of this process.
    static func inheritedEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return variables
    }
}

/// Why a program could not be started.
struct SpawnError: Error {
    let code: Int32

    /// 127 if there is no such program, 126 if it could not be run, as shells do.
    var exitCode: ExitCode { code == ENOENT ? .commandNotFound : .cannotRun }
}
