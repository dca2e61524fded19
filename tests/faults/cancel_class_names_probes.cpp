// The cancel classes of look-ups of names, derived.
#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/names.hpp>

using namespace async_tests;

namespace {

// A name that is answered only after the cancellation, and then is asked for again.
template <class Ask>
std::string class_of_asking(Ask ask) {
    test_names names;
    return class_of(observe([&names, ask](cancel_subject& subject, facts&) -> task<void> {
        if (on_sim()) {
            sim::set_name("a.slow", "127.0.0.7");
            sim::set_name_latency(1h, 1h);
        }
        must_not_fail(co_await subject.run(ask()));
        if (!on_sim()) names.release();
        static_cast<void>(co_await ask());
    }));
}

const cancel_class_probes of_names{
    {"resolve", [] { return class_of_asking([] { return resolve("a.slow", 80, {.max_age = {}}); }); }},
    {"resolve#2", [] { return class_of_asking([] { return resolve("a.slow", "80", {.max_age = {}}); }); }},
    {"resolve_name",
     [] { return class_of_asking([] { return resolve_name(endpoint("192.0.2.1", 80), {.max_age = {}}); }); }},
};

}  // namespace
