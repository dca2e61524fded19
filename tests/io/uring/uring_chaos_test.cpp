// Streams that read, cancel, send and close at random: no byte is lost, doubled or out of order.
#include "uring_harness.hpp"

#include <optional>
#include <random>

using namespace uring_test;

namespace {

class chaos {
public:
    chaos(test_driver& driver, unsigned seed) : driver_(driver), random_(seed) {
        for (int i = 0; i < 24; ++i) streams_.push_back(std::make_unique<stream>(*driver));
    }

    void run(int steps) {
        for (int i = 0; i < steps; ++i) {
            step(*streams_[random_() % streams_.size()]);
            if (random_() % 8 == 0) driver_.turn();
        }
        for (auto& s : streams_) finish(*s);
    }

private:
    struct stream {
        explicit stream(engine& e) : ends(e) {}
        pair ends;
        std::optional<receive_chunk_op> reader;
        std::optional<receive_op> partial;
        char memory[3000];
        std::size_t fed = 0;
        std::size_t seen = 0;
        std::vector<chunk> kept;
    };

    static std::string bytes_of_stream(std::size_t from, std::size_t size) {
        std::string text(size, '\0');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((from + i) * 2654435761u >> 13);
        return text;
    }

    void see(stream& s, std::string_view text) {
        REQUIRE((text == bytes_of_stream(s.seen, text.size())));
        s.seen += text.size();
    }

    void collect(stream& s) {
        if (s.reader && s.reader->state == op_state::done && !s.reader->linked()) {
            REQUIRE((s.reader->error == 0 || s.reader->error == error_cancelled));
            see(s, s.reader->received.text());
            if (random_() % 4 == 0) s.kept.push_back(std::move(s.reader->received));
            s.reader.reset();
        }
        if (s.partial && s.partial->state == op_state::done && !s.partial->linked()) {
            REQUIRE((s.partial->error == 0 || s.partial->error == error_cancelled));
            see(s, {s.memory, std::size_t(s.partial->result)});
            s.partial.reset();
        }
    }

    void begin_read(stream& s) {
        if (s.reader || s.partial) return;
        if (random_() % 3 == 0) {
            s.partial.emplace(s.ends.stream.get(), s.memory, 1 + random_() % sizeof s.memory);
            driver_->start(*s.partial);
        } else {
            s.reader.emplace(s.ends.stream.get());
            driver_->start(*s.reader);
        }
    }

    void cancel(stream& s) {
        operation* op = s.reader ? static_cast<operation*>(&*s.reader) : s.partial ? &*s.partial : nullptr;
        if (!op || op->state != op_state::pending) return;
        if (random_() % 2 == 0) {
            driver_->cancel(*op);
        } else {
            driver_->cancel_and_wait(*op);
        }
    }

    void feed(stream& s) {
        static constexpr std::size_t sizes[] = {1, 10, 64, 65, 300, 4096, 16384, 50'000};
        const std::size_t size = sizes[random_() % std::size(sizes)];
        if (s.fed - s.seen + size > 100'000) return;
        s.ends.feed(bytes_of_stream(s.fed, size));
        s.fed += size;
    }

    void step(stream& s) {
        collect(s);
        switch (random_() % 8) {
            case 0:
            case 1: return feed(s);
            case 2: return cancel(s);
            case 3: return s.kept.clear();
            default: return begin_read(s);
        }
    }

    void finish(stream& s) {
        while (s.seen < s.fed) {
            begin_read(s);
            REQUIRE(driver_.turn_until([&] {
                collect(s);
                return !s.reader && !s.partial;
            }));
        }
        cancel(s);
        REQUIRE(driver_.turn_until([&] {
            collect(s);
            return !s.reader && !s.partial;
        }));
        s.ends.stream.reset();
    }

    test_driver& driver_;
    std::mt19937 random_;
    std::vector<std::unique_ptr<stream>> streams_;
};

}  // namespace

TEST_CASE("streams stay intact whatever happens to their operations") {
    const char* rounds = std::getenv("LIBASYNC_CHAOS_ROUNDS");
    for (unsigned seed = 1; seed <= (rounds ? unsigned(std::atoi(rounds)) : 4u); ++seed) {
        for (const char* features : {"", "multishot_receive", "multishot_poll", "buffer_ring", "defer_taskrun"}) {
            const std::string name = features;
            CAPTURE(seed);
            CAPTURE(name);
            const disabled without(features);
            test_driver driver(
                {.receive_buffers = seed % 2 ? 4u : 256u, .receive_buffer_size = seed % 3 ? 4096u : 64u});
            if (!driver) return;
            chaos(driver, seed).run(4000);
            driver.settle();
        }
    }
}
