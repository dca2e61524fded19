// Reads the headers: which public functions give something to await, and what their comments say of cancellation.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

namespace async_tests {

struct documented_awaitable {
    std::string name;          // with its class; a second function of that name has "#2" behind it
    std::string cancel_class;  // empty if none is stated; "inherited" for "that of ..."
};

class header_reader {
public:
    // All public headers of the directory, but for the instrument that these facts are found with.
    static std::vector<documented_awaitable> read(const std::filesystem::path& directory) {
        header_reader reader;
        std::vector<std::filesystem::path> headers;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
            if (entry.path().filename() == "cancel_subject.hpp") continue;
            if (entry.path().extension() == ".hpp") headers.push_back(entry.path());
        }
        std::sort(headers.begin(), headers.end());
        for (const auto& header : headers) reader.read_header(header);
        return std::move(reader.found_);
    }

    static std::vector<documented_awaitable> read_text(std::istream& text) {
        header_reader reader;
        reader.read_lines(text);
        return std::move(reader.found_);
    }

private:
    void read_header(const std::filesystem::path& header) {
        std::ifstream text(header);
        read_lines(text);
    }

    void read_lines(std::istream& text) {
        class_ = comment_ = {};
        private_ = nested_ = internal_ = false;
        for (std::string line; std::getline(text, line);) {
            static const std::regex inner(R"(^namespace async::inline v0::(?:testing::internal|detail).*$)");
            if (std::regex_match(line, inner)) return;
            read_line(line);
        }
    }

    void read_line(const std::string& line) {
        static const std::regex class_head(R"(^(?:class|struct) (?:\[\[.*\]\] )?(\w+)((?:<.*>)?::\w+)?.*\{$)");
        static const std::regex comment_line(R"(^ *// ?(.*)$)");
        static const std::regex goes_on(R"(^ *(template|requires)\b.*$)");
        std::smatch match;
        if (line == "namespace detail {" || line == "namespace internal {") internal_ = true;
        if (line == "}  // namespace detail" || line == "}  // namespace internal") internal_ = false;
        if (internal_) return;
        if (std::regex_match(line, match, class_head)) {
            class_ = match[1].str() + "::";
            private_ = false;
            nested_ = match[2].matched;
        } else if (line == "};") {
            class_.clear();
            private_ = nested_ = false;
        } else if (line == "private:" || line == "protected:") {
            private_ = true;
        } else if (line == "public:") {
            private_ = false;
        } else if (std::regex_match(line, match, comment_line)) {
            comment_ += match[1].str() + " ";
            return;
        } else if (std::regex_match(line, goes_on)) {
            return;
        } else if (!private_ && !nested_) {
            read_declaration(line);
        }
        comment_.clear();
    }

    void read_declaration(const std::string& line) {
        static const std::regex awaitable(
            R"(^ *(?:static |inline |\[\[nodiscard\]\] )*(?:task<.*>|auto|(?:(?:detail|internal)::)?\w*description(?:<.*>)?|detail::\w+(?:<.*>)?) (operator co_await|\w+)\(.*$)");
        std::smatch match;
        const std::size_t indentation = class_.empty() ? 0 : 4;  // more is the body of a function
        if (line.find_first_not_of(' ') != indentation) return;
        if (!std::regex_match(line, match, awaitable) || line.find("= delete") != line.npos) return;
        std::string name = class_ + match[1].str();
        const auto same = std::count_if(found_.begin(), found_.end(), [&](const auto& f) {
            return f.name == name || f.name.starts_with(name + "#");
        });
        if (same != 0) name += "#" + std::to_string(same + 1);
        found_.push_back({std::move(name), stated_class()});
    }

    std::string stated_class() const {
        static const std::regex statement(R"(Cancel class: (\w+))");
        std::smatch match;
        if (!std::regex_search(comment_, match, statement)) return {};
        return match[1] == "that" ? "inherited" : match[1].str();
    }

    std::vector<documented_awaitable> found_;
    std::string class_;
    std::string comment_;  // right above the current line
    bool private_ = false;
    bool nested_ = false;  // a class in a class: of no concern
    bool internal_ = false;
};

}  // namespace async_tests
