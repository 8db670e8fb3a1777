// The test vectors of the specification, which are kept beside the repository: CONTRIBUTING.md says
// where, and how to get them.

import Foundation
import Testing
import WAMP

/// One sample of a single-message file.
struct Sample: Sendable, CustomTestStringConvertible {
    let file: String
    let index: Int
    let content: Value.Dictionary

    var testDescription: String { "\(file) #\(index)" }

    /// The byte variants of a serialization sample.
    func variants(_ serializer: Serializer) -> [[UInt8]] {
        let list = content["serializers"]?.dictionary?[serializer.name]?.list ?? []
        return list.compactMap { variant in
            guard let hex = variant.dictionary?["bytes_hex"]?.string else { return nil }
            return Sample.bytes(hex)
        }
    }

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16)
        }
    }
}

enum Vectors {
    /// `WAMPCTL_VECTORS`, or `../shared/vectors` beside the package.
    static let directory: URL = {
        if let path = ProcessInfo.processInfo.environment["WAMPCTL_VECTORS"] {
            return URL(fileURLWithPath: path)
        }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../shared/vectors").standardizedFileURL
    }()

    static var areThere: Bool {
        FileManager.default.fileExists(atPath: directory.appendingPathComponent("SCHEMA.json").path)
    }

    /// The samples of all single-message files, by name of file.
    static let samples: [Sample] = {
        let root = directory.appendingPathComponent("singlemessage")
        let files = (FileManager.default.enumerator(atPath: root.path)?.allObjects ?? [])
            .compactMap { $0 as? String }.filter { $0.hasSuffix(".json") }.sorted()
        return files.flatMap { file -> [Sample] in
            guard let data = try? Data(contentsOf: root.appendingPathComponent(file)),
                let content = try? JSONText.parse(Array(data)).dictionary
            else { return [] }
            return (content["samples"]?.list ?? []).enumerated().compactMap { index, sample in
                sample.dictionary.map { Sample(file: file, index: index, content: $0) }
            }
        }
    }()

    static let serializationSamples = samples.filter { $0.content["serializers"] != nil }
    static let validationSamples = samples.filter { $0.content["wmsg"] != nil }
}
