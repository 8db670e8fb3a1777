// Pages in Chromium against our router: a browser connects for any page, so the router looks where
// the page is from.

import Foundation
import Testing

private let missing = Comment("Chromium or python3 is missing: run scripts/setup")

@Suite(
    "Pages in Chromium and our router", .serialized, .enabled(if: Installed.hasChromium, missing))
struct BrowserTests {
    @Test("A page from another port of localhost joins, under each name of loopback")
    func localPages() async throws {
        try await withPages { browser, port in
            try await withRouter { router in
                for page in ["localhost", "127.0.0.1", "app.localhost"] {
                    for host in ["localhost", "127.0.0.1"] {
                        let seen = try await browser.open(
                            "http://\(page):\(port)", "ws://\(host):\(router.webSocketPort)/ws")
                        #expect(seen == "http://\(page):\(port) joined: true", "\(page) \(host)")
                    }
                }
            }
        }
    }

    @Test("A page from another host is refused, and so is one whose name was bound to loopback")
    func foreignPages() async throws {
        try await withPages { browser, port in
            try await withRouter { router in
                let origin = "http://page.example:\(port)"
                for host in ["127.0.0.1", "localhost", "page.example"] {
                    let seen = try await browser.open(
                        origin, "ws://\(host):\(router.webSocketPort)/ws")
                    #expect(seen == "\(origin) was refused", "\(host)")
                }
            }
        }
    }

    @Test("allowed_origins lets the pages in that it names, and no others")
    func allowedPages() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "wampctl-pages-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "router.yaml")
        try "allowed_origins: [\"*.example\", \"null\"]\n"
            .write(to: file, atomically: true, encoding: .utf8)
        try await withPages { browser, port in
            try await withRouter(["--config", file.path]) { router in
                let url = "ws://127.0.0.1:\(router.webSocketPort)/ws"
                let allowed = "http://page.example:\(port)"
                #expect(try await browser.open(allowed, url) == "\(allowed) joined: true")
                let other = "http://page.test:\(port)"
                #expect(try await browser.open(other, url) == "\(other) was refused")
                // A page from a file has no origin of its own.
                let page = try await browser.open("file://\(Installed.scripts)", url)
                #expect(page == "null joined: true")
            }
        }
    }
}

/// Runs `body` beside a server of the page, on a port that the system chose.
private func withPages(_ body: @Sendable (Browser, Int) async throws -> Void) async throws {
    let arguments = [
        "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", Installed.scripts,
    ]
    _ = try await whileRunning("python3", arguments) { lines in
        var iterator = lines.makeAsyncIterator()
        let words = await iterator.next()?.split(separator: " ") ?? []
        guard let place = words.firstIndex(of: "port"), words.indices.contains(place + 1),
            let port = Int(words[place + 1])
        else { throw Trouble(description: "the server of the page told no port") }
        try await body(Browser(), port)
    }
}

/// A Chromium without a window. The names `page.example` and `page.test` are this machine to it.
private struct Browser {
    /// Opens the page for a router.
    /// - Returns: what it wrote down.
    func open(_ origin: String, _ url: String) async throws -> String {
        let profile = FileManager.default.temporaryDirectory
            .appending(path: "wampctl-chromium-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: profile) }
        let names = "MAP page.example 127.0.0.1, MAP page.test 127.0.0.1"
        let ended = try await run(
            "chromium",
            [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--user-data-dir=\(profile.path)", "--host-resolver-rules=\(names)",
                "--dump-dom", "\(origin)/page.html?\(url)",
            ])
        guard let start = ended.output.firstRange(of: "<pre id=\"seen\">"),
            let end = ended.output.firstRange(of: "</pre>")
        else { throw Trouble(description: "no page came to be: \(ended.errors.suffix(500))") }
        return String(ended.output[start.upperBound..<end.lowerBound])
    }
}
