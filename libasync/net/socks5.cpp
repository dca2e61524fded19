// The client's side of SOCKS5: RFC 1928, and RFC 1929 for user name and password.
#include <libasync/net/proxy_dialogue.hpp>

#include <iterator>
#include <stdexcept>
#include <utility>

namespace async::inline v0::detail {

namespace {

constexpr char version = 5;
constexpr char command_connect = 1;
enum method : char { no_authentication = 0, by_password = 2 };
enum address_type : char { type_ipv4 = 1, type_name = 3, type_ipv6 = 4 };

void append_number(std::string& to, int n) {
    to += static_cast<char>(n >> 8);
    to += static_cast<char>(n);
}

class socks5_dialogue final : public proxy_dialogue {
public:
    socks5_dialogue(std::string_view host, int port, const proxy_options& options)
        : proxy_dialogue("SOCKS5", host, port, options) {
        if (user_.size() > 255 || password_.size() > 255) {
            throw std::invalid_argument("socks5_connect: user name and password have at most 255 bytes each");
        }
    }

    void begin() override {
        output_ = {version, user_.empty() ? char{1} : char{2}, no_authentication};
        if (!user_.empty()) output_ += by_password;
        expect(&socks5_dialogue::method_chosen, 2);
    }

    std::size_t wanted() const noexcept override { return expected_ - answer_.size(); }

    void receive(std::string_view bytes) override {
        answer_ += bytes;
        if (answer_.size() < expected_) return;
        const std::string whole = std::exchange(answer_, {});
        const auto handler = handler_;
        expected_ = 0;
        (this->*handler)(whole);
    }

private:
    using handler = void (socks5_dialogue::*)(const std::string&);

    void expect(handler h, std::size_t size) noexcept {
        handler_ = h;
        expected_ = size;
    }

    void method_chosen(const std::string& answer) {
        if (answer[0] != version) fail(proxy_errc::bad_answer);
        if (answer[1] == no_authentication) return ask();
        if (answer[1] == by_password && !user_.empty()) return show_password();
        if (answer[1] == '\xFF') fail(proxy_errc::authentication_required);
        fail(proxy_errc::bad_answer);
    }

    void show_password() {
        output_ = {char{1}, static_cast<char>(user_.size())};
        output_ += user_;
        output_ += static_cast<char>(password_.size());
        output_ += password_;
        expect(&socks5_dialogue::password_checked, 2);
    }

    // The first byte is a version of its own, which proxies do not agree on.
    void password_checked(const std::string& answer) {
        if (answer[1] != 0) fail(proxy_errc::authentication_failed);
        ask();
    }

    void ask() {
        output_ = {version, command_connect, 0};
        if (!address_) {
            output_ += {type_name, static_cast<char>(host_.size())};
            output_ += host_;
        } else {
            const bool ipv4 = address_->family() == address_family::ipv4;
            output_ += ipv4 ? type_ipv4 : type_ipv6;
            output_.append(reinterpret_cast<const char*>(address_->bytes().data()), ipv4 ? 4 : 16);
        }
        append_number(output_, port());
        expect(&socks5_dialogue::replied, 4);
    }

    // The address that the proxy connects from follows, and a port.
    void replied(const std::string& answer) {
        if (answer[0] != version) fail(proxy_errc::bad_answer);
        if (answer[1] != 0) fail_with_reply(static_cast<unsigned char>(answer[1]));
        switch (answer[3]) {
            case type_ipv4: return expect(&socks5_dialogue::done, 4 + 2);
            case type_ipv6: return expect(&socks5_dialogue::done, 16 + 2);
            case type_name: return expect(&socks5_dialogue::length_told, 1);
            default: fail(proxy_errc::bad_answer);
        }
    }
    void length_told(const std::string& answer) {
        expect(&socks5_dialogue::done, static_cast<unsigned char>(answer[0]) + std::size_t{2});
    }
    void done(const std::string&) noexcept {}

    [[noreturn]] void fail_with_reply(int reply) const {
        constexpr proxy_errc of_reply[] = {proxy_errc::failed,           proxy_errc::failed,
                                           proxy_errc::not_allowed,      proxy_errc::network_unreachable,
                                           proxy_errc::host_unreachable, proxy_errc::connection_refused,
                                           proxy_errc::timed_out,        proxy_errc::unsupported,
                                           proxy_errc::unsupported};
        const bool known = reply < static_cast<int>(std::size(of_reply));
        fail(known ? of_reply[reply] : proxy_errc::failed, reply, "reply " + std::to_string(reply));
    }

    std::string answer_;
    std::size_t expected_ = 0;
    handler handler_ = nullptr;
};

}  // namespace

dialogue_ptr make_socks5_dialogue(std::string_view host, int port, const proxy_options& options) {
    return std::make_unique<socks5_dialogue>(host, port, options);
}

}  // namespace async::inline v0::detail
