// The router that a benchmark starts for itself, and what the system tells of any router's process.

import Glibc
import WAMP

/// A private router. It ends with this object, and with this process however that ends: it serves a
/// command that reads from a pipe of ours until nobody holds the other end.
final class SpawnedRouter: Sendable {
    let id: pid_t
    let url: String
    private let lifeline: Int32
    /// Large events to many subscribers, which all are this process, may wait for a moment.
    private static let outboundQueue = "256m"

    /// - Parameter scheme: `ws` or `tcp`.
    init(realm: String, scheme: String = "ws") throws(CommandFailure) {
        let ready = try ChildProcess.pipe(), life = try ChildProcess.pipe()
        lifeline = life.write
        let child: ChildProcess
        var environment = ProgramEnvironment.inherited
        environment.removeAll { $0.hasPrefix("WAMPCTL_") }
        environment["WAMPCTL_LOG_LEVEL"] = "error"
        do throws(SpawnError) {
            child = try ChildProcess(
                Detachment.executable,
                arguments: [
                    "router", "--port", "0", "--realm", realm, "--quiet", "--ready-fd", "3",
                    "--outbound-queue", Self.outboundQueue, "--", "cat",
                ].map { Array($0.utf8) },
                environment: environment,
                streams: [
                    .descriptor(life.read), .null, .inherited, .descriptor(ready.write),
                ], isDetached: true)
        } catch {
            throw CommandFailure(.failure, "cannot start a router: \(File.reason(error.code))")
        }
        id = child.id
        close(ready.write)
        close(life.read)
        var line: [UInt8] = []
        _ = File.readAll(ready.read, into: &line)
        close(ready.read)
        let listeners = (try? JSONText.parse(line))?.dictionary?["listeners"]?.list ?? []
        let urls = listeners.compactMap { $0.dictionary?["url"]?.string }
        guard let url = urls.first(where: { $0.hasPrefix(scheme) }) else {
            close(lifeline)
            throw CommandFailure(.failure, "the router that was to be measured did not start")
        }
        self.url = url
    }

    /// Lets the router end, and waits for it; one that stands still is killed.
    func stop() {
        close(lifeline)
        guard !ChildProcess.hasEnded(id, within: .seconds(1)) else { return }
        kill(id, SIGKILL)
        _ = ChildProcess.wait(for: id)
    }
}

/// What the system knows of a process and of those it started.
struct ProcessSample: Equatable {
    /// CPU time so far, in seconds.
    var cpu = 0.0
    /// Resident bytes.
    var memory = 0
    /// The most resident bytes of the process itself.
    var peak = 0

    /// - Returns: nil if there is no such process.
    static func of(_ id: pid_t) -> ProcessSample? {
        guard stat(of: id) != nil else { return nil }
        var sample = ProcessSample()
        for member in family(of: id) {
            guard let fields = stat(of: member) else { continue }
            let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
            sample.cpu += (Double(fields.ticks) / max(1, ticks))
            sample.memory += status(of: member, "VmRSS:")
            sample.peak += status(of: member, "VmHWM:")
        }
        return sample
    }

    /// CPU seconds of this process so far.
    static var own: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    private static func seconds(_ time: timeval) -> Double {
        Double(time.tv_sec) + Double(time.tv_usec) / 1e6
    }

    /// The process and its descendants, but not the command a spawned router waits for.
    private static func family(of id: pid_t) -> [pid_t] {
        var parents: [pid_t: [pid_t]] = [:]
        for process in processes {
            if let fields = stat(of: process) {
                parents[fields.parent, default: []].append(process)
            }
        }
        var family = [id]
        var next = 0
        while next < family.count {
            family += parents[family[next]] ?? []
            next += 1
        }
        return family
    }

    private static var processes: [pid_t] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var found: [pid_t] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let id = pid_t(name) { found.append(id) }
        }
        return found
    }

    /// Fields 4, 14 and 15 of `/proc/ID/stat`; the name before them may hold anything but ends with
    /// the last parenthesis.
    private static func stat(of id: pid_t) -> (parent: pid_t, ticks: UInt64)? {
        guard let text = SystemFacts.text("/proc/\(id)/stat"),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let parent = pid_t(fields[1]), let user = UInt64(fields[11]),
            let system = UInt64(fields[12]), fields[0] != "Z"
        else { return nil }
        return (parent, user + system)
    }

    private static func status(of id: pid_t, _ key: String) -> Int {
        let line = SystemFacts.text("/proc/\(id)/status")?.split(separator: "\n").first {
            $0.hasPrefix(key)
        }
        let words = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }) ?? []
        return words.count > 1 ? (Int(words[1]) ?? 0) * 1024 : 0
    }
}

/// What every result says of the machine it was made on.
struct SystemFacts: Equatable {
    var processor: String
    var cores: Int
    var kernel: String
    /// The load average of the last minute, before the run.
    var load: Double

    static func now() -> SystemFacts {
        var name = utsname()
        uname(&name)
        let release = withUnsafePointer(to: &name.release) { release in
            release.withMemoryRebound(to: CChar.self, capacity: 65) { String(cString: $0) }
        }
        let model = text("/proc/cpuinfo")?.split(separator: "\n").first {
            $0.hasPrefix("model name")
        }
        let processor = model?.split(separator: ":", maxSplits: 1).last.map {
            String($0.drop { $0 == " " })
        }
        let load = text("/proc/loadavg")?.split(separator: " ").first.flatMap { Double($0) }
        return SystemFacts(
            processor: processor ?? "unknown CPU",
            cores: max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))),
            kernel: "Linux \(release)", load: load ?? 0)
    }

    static func text(_ path: String) -> String? {
        guard let bytes = try? File.contents(path) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
