// context_var: a variable that each task has for itself, and hands on to what it starts: contextvars.ContextVar.
//
//   const async::context_var<std::string> request_id{"request_id"};
//
//   async::task<void> handle(request r) {
//       const auto scope = request_id.scoped(r.id);          // until the end of the block
//       co_await async::gather(load(r), write_log(r));       // both see it
//   }
//
// A task begins with what its creator had then: create_task, gather, groups and all else that starts tasks. A change
// is seen by the task that makes it, with the functions it awaits, and by what it starts later; not by its creator,
// and not by what it has started before. Callbacks (call_soon, call_later, call_at, post, timers, notifiers, done
// callbacks) run with what held where they were given, and what they change ends with them. So does a function in
// to_thread, with what its task has. Elsewhere, as before async::run, each thread has values of its own; in a
// coroutine that is no task, those of the thread hold.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <libasync/detail/exchange.hpp>
#include <libasync/loop/context.hpp>

namespace async::inline v0 {

namespace detail {

[[noreturn]] void throw_unset(const std::string& name);
// Throws unless the token may be given back here.
void check_token(const std::string& name, context_id variable, context_id token_variable, context_id token_owner);
void take_back_here(context_change& change) noexcept;

}  // namespace detail

// Best a constant of the program. It may be used on any thread; values are shared by threads, so what is const in T
// must be safe to use from several at once. Large values are best held by a std::shared_ptr<const X>.
template <class T>
class context_var {
    static_assert(std::is_same_v<T, std::remove_cvref_t<T>>, "a context_var holds values");
    static_assert(std::is_copy_constructible_v<T>, "get() copies: hold what cannot be copied by a std::shared_ptr");

public:
    // What `set` gives, for `reset`. Move-only; may be dropped.
    class token;
    // What `scoped` gives.
    class scope;

    // The name is for messages. Throws std::bad_alloc.
    explicit context_var(std::string_view name) : id_(detail::next_context_id()), name_(name) {}
    context_var(std::string_view name, T default_value)
        : id_(detail::next_context_id()),
          name_(name),
          default_(std::move(default_value)) {}
    context_var(const context_var&) = delete;
    context_var& operator=(const context_var&) = delete;

    const std::string& name() const noexcept { return name_; }

    // A copy of the value that holds here, else of the default. Throws std::logic_error, with the name, if there is
    // neither.
    T get() const {
        if (const T* value = find()) return *value;
        if (!default_) detail::throw_unset(name_);
        return *default_;
    }

    // A copy of the value that holds here, else `other`, even if there is a default.
    T get_or(T other) const {
        if (const T* value = find()) return *value;
        return other;
    }

    // Gives it a value from here on. Throws std::bad_alloc, and changes nothing then.
    token set(T value) const {
        detail::context_values& here = detail::values_to_change();
        detail::context_value before = here.share(id_);
        here.set(id_, std::make_shared<const T>(std::move(value)));
        return token(id_, here.owner(), std::move(before));
    }

    // Gives it the value back that it had before the `set` that gave the token; none, if it had none. Throws
    // std::logic_error if the token was used before, std::invalid_argument if it is of another variable or comes from
    // another context; std::bad_alloc, and nothing has changed then.
    void reset(token&& t) const {
        detail::check_token(name_, id_, t.variable_, t.owner_);
        detail::values_to_change().set(id_, t.before_);
        t.owner_ = 0;
        t.before_.reset();
    }

    // Gives it a value until the end of the block; then what it had before, whatever happened to other variables.
    // Throws std::bad_alloc, and changes nothing then.
    [[nodiscard("the value holds as long as this lives")]] scope scoped(T value) const {
        return scope(id_, std::make_shared<const T>(std::move(value)));
    }

private:
    const T* find() const noexcept {
        const detail::context_values* here = detail::values_here();
        return here ? static_cast<const T*>(here->find(id_)) : nullptr;
    }

    const detail::context_id id_;
    const std::string name_;
    const std::optional<T> default_;
};

template <class T>
class context_var<T>::token {
public:
    token(token&& other) noexcept
        : variable_(other.variable_),
          owner_(detail::exchange(other.owner_, 0)),
          before_(std::move(other.before_)) {}
    token& operator=(token&& other) noexcept {
        variable_ = other.variable_;
        owner_ = detail::exchange(other.owner_, 0);
        before_ = std::move(other.before_);
        return *this;
    }

private:
    friend context_var;
    token(detail::context_id variable, detail::context_id owner, detail::context_value before) noexcept
        : variable_(variable),
          owner_(owner),
          before_(std::move(before)) {}

    detail::context_id variable_;
    detail::context_id owner_;  // 0: used
    detail::context_value before_;
};

// Ends in the task that made it, or does nothing.
template <class T>
class context_var<T>::scope {
public:
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() { detail::take_back_here(change_); }

private:
    friend context_var;
    scope(detail::context_id variable, detail::context_value value)
        : change_(detail::values_to_change(), variable, std::move(value)) {}

    detail::context_change change_;
};

}  // namespace async::inline v0
