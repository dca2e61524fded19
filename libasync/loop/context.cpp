#include <libasync/loop/context.hpp>

#include <atomic>
#include <cstddef>
#include <new>

namespace async::inline v0::detail {

namespace {

struct entry {
    context_id variable;
    context_value value;  // null: it has none, whatever stands below
};

}  // namespace

struct alignas(entry) context_snapshot {
    std::atomic<std::uint32_t> references{1};
    std::uint32_t count = 0;
    context_id owner = 0;
    context_snapshot* below = nullptr;  // holds what stands in no entry here

    entry* entries() noexcept { return reinterpret_cast<entry*>(this + 1); }
};

namespace {

context_snapshot* make_snapshot(std::size_t most_entries) {
    return ::new (::operator new(sizeof(context_snapshot) + most_entries * sizeof(entry))) context_snapshot;
}

void add(context_snapshot& to, context_id variable, context_value value) noexcept {
    ::new (static_cast<void*>(to.entries() + to.count)) entry{variable, std::move(value)};
    ++to.count;
}

void release_snapshot(context_snapshot* s) noexcept {
    while (s != nullptr && s->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        context_snapshot* const below = s->below;
        for (std::uint32_t i = 0; i < s->count; ++i) s->entries()[i].~entry();
        s->~context_snapshot();
        ::operator delete(s);
        s = below;
    }
}

// The newest entry of the variable, or null.
const entry* find_entry(context_snapshot* s, context_id variable) noexcept {
    for (; s != nullptr; s = s->below) {
        for (std::uint32_t i = 0; i < s->count; ++i) {
            if (s->entries()[i].variable == variable) return s->entries() + i;
        }
    }
    return nullptr;
}

// Everything in `old`, with one variable changed.
context_snapshot* changed(context_snapshot* old, context_id variable, context_value value) {
    std::size_t most = 1;
    for (context_snapshot* s = old; s != nullptr; s = s->below) most += s->count;
    context_snapshot* const made = make_snapshot(most);
    if (value) add(*made, variable, std::move(value));
    for (context_snapshot* s = old; s != nullptr; s = s->below) {
        for (std::uint32_t i = 0; i < s->count; ++i) {
            const entry& e = s->entries()[i];
            if (e.variable != variable && e.value && find_entry(old, e.variable) == &e) add(*made, e.variable, e.value);
        }
    }
    return made;
}

}  // namespace

context_id next_context_id() noexcept {
    static constinit std::atomic<context_id> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void context_values::retain() const noexcept { snapshot_of(word_)->references.fetch_add(1, std::memory_order_relaxed); }

void context_values::release() noexcept { release_snapshot(snapshot_of(std::exchange(word_, 0))); }

const void* context_values::find_value(context_id variable) const noexcept {
    const entry* found = find_entry(snapshot_of(word_), variable);
    return found ? found->value.get() : nullptr;
}

context_value context_values::share(context_id variable) const noexcept {
    const entry* found = find_entry(snapshot_of(word_), variable);
    return found ? found->value : nullptr;
}

context_id context_values::owner() const noexcept {
    return (word_ & changed_here) == 0 ? 0 : snapshot_of(word_)->owner;
}

void context_values::set(context_id variable, context_value value) {
    context_snapshot* const old = snapshot_of(word_);
    context_snapshot* const made = changed(old, variable, std::move(value));
    made->owner = owner() != 0 ? owner() : next_context_id();
    word_ = reinterpret_cast<std::uintptr_t>(made) | changed_here;
    release_snapshot(old);  // destroys values, which may look at this context
}

context_change::context_change(context_values& values, context_id variable, context_value value)
    : spare_(make_snapshot(1)) {
    const std::uintptr_t before = values.word_;
    const context_values still_held(values);
    try {
        add(*spare_, variable, values.share(variable));
        values.set(variable, std::move(value));
    } catch (...) {
        release_snapshot(spare_);
        throw;
    }
    if (before != 0) still_held.retain();
    before_.word_ = before;
    spare_->owner = owner_ = values.owner();
    made_ = context_values::snapshot_of(values.word_);
    made_->references.fetch_add(1, std::memory_order_relaxed);
}

void context_change::take_back(context_values& values) noexcept {
    if (values.owner() != owner_) return;
    if (context_values::snapshot_of(values.word_) == made_) {
        values = std::move(before_);
        return;
    }
    spare_->below = context_values::snapshot_of(values.word_);
    values.word_ = reinterpret_cast<std::uintptr_t>(std::exchange(spare_, nullptr)) | context_values::changed_here;
}

context_change::~context_change() {
    release_snapshot(made_);
    release_snapshot(spare_);
}

constinit thread_local context_values* context_outside_task = nullptr;

}  // namespace async::inline v0::detail
