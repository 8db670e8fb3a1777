// Where the programs are that these tests start. Nothing here runs any of them.

import Foundation

/// Paths of this checkout and of the programs that `scripts/setup` installs.
enum Installed {
    static let packageRoot = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The program under test, which the build puts beside the test bundle.
    static let wampctl = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "wampctl").path

    static let scripts = packageRoot.appending(path: "Tests/InteropTests/peers").path
    static let python = packageRoot.appending(path: ".peers/autobahn/bin/python").path
    static let otherClients =
        packageRoot.appending(path: ".peers/clients/bin/python").path
    static let crossbar = packageRoot.appending(path: ".peers/crossbar/bin/crossbar").path
    static let autobahnJS = packageRoot.appending(path: ".peers/autobahn.js").path
    static let nodeModules = "/usr/share/nodejs"

    /// Source of the load generator that lies beside the repository, or wherever `WAMPCTL_BENCH`
    /// says.
    static let loadSource =
        (ProcessInfo.processInfo.environment["WAMPCTL_BENCH"]
            ?? packageRoot.appending(path: "../shared/bench").standardized.path) + "/wampload.c"

    static var hasPython: Bool { exists(python) }
    static var hasOtherClients: Bool { exists(otherClients) }
    static var hasCrossbar: Bool { exists(crossbar) }
    static var hasJavaScript: Bool {
        exists(autobahnJS) && exists(nodeModules + "/ws") && inPath("node")
    }
    static var hasChromium: Bool { inPath("chromium") && inPath("python3") }
    static var hasLoad: Bool { exists(loadSource) && inPath("cc") }

    private static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: path)
    }

    private static func inPath(_ name: String) -> Bool {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").contains { exists("\($0)/\(name)") }
    }
}
