// The client's side of HTTP CONNECT: RFC 9110, section 9.3.6; RFC 9112 for the form of it; RFC 7617 for the password.
#include <libasync/net/proxy_dialogue.hpp>

#include <algorithm>
#include <stdexcept>

namespace async::inline v0::detail {

namespace {

std::string base64(std::string_view bytes) {
    constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto at = [&](std::size_t k) {
            return k < bytes.size() ? static_cast<unsigned>(static_cast<unsigned char>(bytes[k])) : 0U;
        };
        const unsigned three = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
        for (unsigned k = 0; k < 4; ++k) {
            text += i + k > bytes.size() ? '=' : digits[three >> (18 - 6 * k) & 63];
        }
    }
    return text;
}

bool has_control_character(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

class http_dialogue final : public proxy_dialogue {
public:
    http_dialogue(std::string_view host, int port, const proxy_options& options)
        : proxy_dialogue("HTTP", host, port, options),
          most_(options.most_header) {
        if (has_control_character(user_) || has_control_character(password_) || user_.find(':') != user_.npos) {
            throw std::invalid_argument("http_connect: a user name has no colon, and nothing a control character");
        }
    }

    void begin() override {
        const std::string where = target();
        output_ = "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n";
        if (!user_.empty()) output_ += "Proxy-Authorization: Basic " + base64(user_ + ':' + password_) + "\r\n";
        output_ += "\r\n";
    }

    // At an empty line the header may end with the next byte, else two more are needed.
    std::size_t wanted() const noexcept override {
        if (done_) return 0;
        if (header_.size() < shortest) return shortest - header_.size();
        return line_is_empty_ ? 1 : 2;
    }

    void receive(std::string_view bytes) override {
        received_ += bytes.size();
        for (const char c : bytes) {
            header_ += c;
            check_begin();
            if (c == '\n' && line_is_empty_) return end_of_header();
            if (c != '\r') line_is_empty_ = c == '\n';
        }
        if (received_ >= most_) fail(proxy_errc::answer_too_long);
    }

private:
    // "HTTP/1.1 200" and two ends of line are more.
    static constexpr std::size_t shortest = 12;

    // What does not begin as an answer will not become one.
    void check_begin() const {
        constexpr std::string_view pattern = "HTTP/1.0 000";
        const std::size_t i = header_.size() - 1;
        if (i > pattern.size()) return;
        const char c = header_[i];
        const bool fits = i == pattern.size() ? c == ' ' || c == '\r' || c == '\n'
                          : pattern[i] == '0' ? is_digit(c)
                                              : c == pattern[i];
        if (!fits) fail(proxy_errc::bad_answer);
    }

    void end_of_header() {
        const int status = (header_[9] - '0') * 100 + (header_[10] - '0') * 10 + (header_[11] - '0');
        if (status >= 200 && status < 300) {
            done_ = true;
        } else if (status < 100 || status >= 200 || status == 101) {
            fail(reason_of(status), status, status_line());
        }
        header_.clear();  // an interim answer: the last one follows
        line_is_empty_ = false;
    }

    std::string_view status_line() const noexcept {
        const std::string_view line = std::string_view(header_).substr(9);
        return line.substr(0, line.find_first_of("\r\n"));
    }

    proxy_errc reason_of(int status) const noexcept {
        switch (status) {
            case 403: return proxy_errc::not_allowed;
            case 407: return user_.empty() ? proxy_errc::authentication_required : proxy_errc::authentication_failed;
            case 405:
            case 501: return proxy_errc::unsupported;
            case 504: return proxy_errc::timed_out;
            default: return status < 200 ? proxy_errc::bad_answer : proxy_errc::failed;
        }
    }

    const std::size_t most_;
    std::string header_;
    std::size_t received_ = 0;
    bool line_is_empty_ = false;
    bool done_ = false;
};

}  // namespace

dialogue_ptr make_http_dialogue(std::string_view host, int port, const proxy_options& options) {
    return std::make_unique<http_dialogue>(host, port, options);
}

}  // namespace async::inline v0::detail
