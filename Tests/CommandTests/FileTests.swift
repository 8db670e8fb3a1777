// Files that commands write.

import Glibc
import Testing

@testable import wampctl

@Suite struct FileTests {
    private func mode(_ path: String) -> mode_t {
        var facts = stat()
        return lstat(path, &facts) == 0 ? facts.st_mode : 0
    }

    @Test("A file that is there keeps its permissions")
    func permissions() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/secret"
        #expect(File.replace(path, with: "one"))
        #expect(chmod(path, 0o600) == 0)
        #expect(File.replace(path, with: "two"))
        #expect(mode(path) & 0o777 == 0o600)
        #expect(try File.contents(path) == Array("two".utf8))
    }

    @Test("A link stays one, and the file that it leads to is replaced")
    func link() throws {
        let folder = try TemporaryFolder()
        let (path, target) = (folder.path + "/link", folder.path + "/target")
        #expect(File.replace(target, with: "one"))
        #expect(symlink("target", path) == 0)
        #expect(File.replace(path, with: "two"))
        #expect(mode(path) & S_IFMT == S_IFLNK)
        #expect(try File.contents(target) == Array("two".utf8))
    }

    @Test("Whatever lies where a draft could be, it is not written to, and no draft stays")
    func draft() throws {
        let folder = try TemporaryFolder()
        let (path, victim) = (folder.path + "/port", folder.path + "/victim")
        #expect(File.replace(victim, with: "precious"))
        for name in ["\(path).\(getpid())", "\(path).tmp", "\(path)~"] {
            #expect(symlink(victim, name) == 0, "\(name)")
        }
        #expect(File.replace(path, with: "8080"))
        #expect(try File.contents(victim) == Array("precious".utf8))
        #expect(try File.contents(path) == Array("8080".utf8))
        #expect(mode(path) & 0o777 == 0o644 & ~currentMask)
        var entries = 0
        let listing = try #require(opendir(folder.path))
        while readdir(listing) != nil { entries += 1 }
        closedir(listing)
        #expect(entries == 2 + 5)
    }

    private var currentMask: mode_t {
        let mask = umask(0)
        umask(mask)
        return mask
    }

    @Test("A pipe is written to and stays")
    func pipe() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/pipe"
        #expect(mkfifo(path, 0o600) == 0)
        // Opened for both, it does not wait for the other end.
        let reader = open(path, O_RDWR | O_NONBLOCK)
        defer { close(reader) }
        #expect(File.replace(path, with: "told"))
        var bytes = [UInt8](repeating: 0, count: 16)
        #expect(read(reader, &bytes, 16) == 4)
        #expect(mode(path) & S_IFMT == S_IFIFO)
    }
}
