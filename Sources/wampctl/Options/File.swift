// Whole files, read and written through the system's own calls.

import Glibc

/// Why a file could not be read.
struct FileError: Error, Equatable, CustomStringConvertible {
    /// One sentence with the system's own reason.
    let description: String

    init(_ description: String) { self.description = description }
}

enum File {
    /// All bytes of a file.
    static func contents(_ path: String) throws(FileError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw FileError("cannot read '\(path)': \(reason())")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        guard readAll(descriptor, into: &bytes) else {
            throw FileError("cannot read '\(path)': \(reason())")
        }
        return bytes
    }

    /// Appends everything up to the end of the stream; false if it could not be read.
    static func readAll(_ descriptor: Int32, into bytes: inout [UInt8]) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count == 0 { return true }
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    /// Puts a file in place by rename, so that a reader never sees half of it; false if that
    /// failed. A file that is there keeps its permissions, and a link leads where it did. Devices
    /// and pipes are written to.
    static func replace(_ path: String, with text: String) -> Bool {
        let bytes = Array(text.utf8)
        var present = stat()
        let exists = stat(path, &present) == 0
        if exists, present.st_mode & S_IFMT != S_IFREG {
            let descriptor = open(path, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return false }
            defer { close(descriptor) }
            return write(bytes, to: descriptor)
        }
        let target = exists ? resolved(path) : path
        guard let (draft, descriptor) = newFile(beside: target) else { return false }
        if exists { fchmod(descriptor, present.st_mode & 0o7777) }
        let isWritten = write(bytes, to: descriptor)
        close(descriptor)
        if isWritten, rename(draft, target) == 0 { return true }
        let code = errno
        unlink(draft)
        errno = code
        return false
    }

    /// A file that was not there, nor a link of that name: in a folder where others may write,
    /// somebody could have put one there in advance.
    private static func newFile(beside path: String) -> (path: String, descriptor: Int32)? {
        for _ in 0..<100 {
            let new = "\(path).\(String(UInt32.random(in: .min ... .max), radix: 16))"
            let descriptor = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            if descriptor >= 0 { return (new, descriptor) }
            guard errno == EEXIST else { return nil }
        }
        return nil
    }

    /// Where the links of a path lead.
    private static func resolved(_ path: String) -> String {
        guard let target = realpath(path, nil) else { return path }
        defer { free(target) }
        return String(cString: target)
    }

    /// Writes all bytes; false if the descriptor does not take them.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        writeAsFarAsPossible(bytes[...], to: descriptor) == bytes.count
    }

    /// Writes bytes until the descriptor takes no more.
    /// - Returns: how many were written.
    static func writeAsFarAsPossible(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Glibc.write(
                    descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    if errno == EAGAIN {
                        var slot = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                        _ = poll(&slot, 1, -1)
                        continue
                    }
                    break
                }
                rest = rest.dropFirst(count)
            }
            return bytes.count - rest.count
        }
    }

    /// The system's sentence for the last failure.
    static func reason(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
}
