// Places where files are to come to be, judged before anything is written: what would go wrong, and
// how it is put right.

import Glibc

extension File {
    /// Why no file can be written at a path, in one sentence; nil if nothing speaks against it.
    static func fault(ofPlace path: String) -> String? {
        var info = stat()
        if stat(path, &info) == 0 {
            if isFolder(info) { return "'\(path)' is a folder; name a file in it" }
            return access(path, W_OK) == 0 ? nil : "'\(path)' cannot be written to: \(reason())"
        }
        let folder = folder(of: path)
        guard stat(folder, &info) == 0 else {
            return "there is no folder '\(folder)'; make it with mkdir -p '\(folder)'"
        }
        guard isFolder(info) else { return "'\(folder)' is no folder" }
        return access(folder, W_OK | X_OK) == 0
            ? nil : "nothing can be written in '\(folder)': \(reason())"
    }

    /// Why no socket can be made at a path, in one sentence.
    static func fault(ofSocket path: String) -> String? {
        var info = stat()
        guard lstat(path, &info) == 0, !isFolder(info) else { return fault(ofPlace: path) }
        return info.st_mode & S_IFMT == S_IFSOCK
            ? nil : "a file that is no socket is in the way; remove '\(path)'"
    }

    /// What to say of a secret that everybody on this machine can read.
    static func fault(ofSecret path: String) -> String? {
        var info = stat()
        guard stat(path, &info) == 0, info.st_mode & 0o007 != 0 else { return nil }
        return "'\(path)' can be read by everybody; chmod o= '\(path)'"
    }

    /// The path from the root, so that it means the same in a file anywhere.
    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return "\(String(cString: folder))/\(path)"
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func isFolder(_ info: stat) -> Bool { info.st_mode & S_IFMT == S_IFDIR }
}
