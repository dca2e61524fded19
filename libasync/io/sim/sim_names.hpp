// Names as the loops of a simulated world look them up.
#pragma once

#include <map>
#include <memory>

#include <libasync/io/look_up.hpp>
#include <libasync/io/sim/world.hpp>

namespace async::inline v0::io::sim {

class sim_names final : public name_source {
public:
    // Answers go to `completed`, the list of the engine.
    sim_names(std::shared_ptr<world> w, detail::ready_list& completed) noexcept
        : world_(std::move(w)),
          completed_(completed) {}
    ~sim_names() override;

    void start(look_up& l) override;
    // What has been asked is answered.
    bool withdraw(look_up&) noexcept override { return false; }
    void forget(look_up& l) noexcept override;

private:
    static void answer_with(look_up& l, std::vector<endpoint> all, lookup_error error);
    void tell(look_up& l) noexcept;

    const std::shared_ptr<world> world_;
    detail::ready_list& completed_;
    std::map<look_up*, event_queue::key> asked_;
};

}  // namespace async::inline v0::io::sim
