// An intrusive, circular, doubly linked list: insertion and removal in O(1), without allocation.
// A node knows nothing of the list it is in, so an object may leave from its own destructor.
#pragma once

#include <libasync/config.hpp>

namespace async::inline v0::detail {

struct list_node {
    list_node* next = nullptr;
    list_node* prev = nullptr;

    list_node() = default;
    list_node(const list_node&) = delete;
    list_node& operator=(const list_node&) = delete;

    [[nodiscard]] bool linked() const noexcept { return next != nullptr; }

    void unlink() noexcept {
        next->prev = prev;
        prev->next = next;
        next = prev = nullptr;
    }

    void unlink_if_linked() noexcept {
        if (linked()) unlink();
    }
};

template <class T>
class list {
public:
    list() noexcept { head_.next = head_.prev = &head_; }

    [[nodiscard]] bool empty() const noexcept { return head_.next == &head_; }
    [[nodiscard]] T* front() noexcept { return static_cast<T*>(head_.next); }

    // For walks: `for (T* t = l.first(); t; t = l.after(t))`.
    [[nodiscard]] T* first() noexcept { return empty() ? nullptr : front(); }
    [[nodiscard]] T* after(T* node) noexcept {
        list_node* n = static_cast<list_node*>(node)->next;
        return n == &head_ ? nullptr : static_cast<T*>(n);
    }

    void push_back(T& node) noexcept { insert_before(&head_, &node); }
    void push_front(T& node) noexcept { insert_before(head_.next, &node); }

    T* pop_front() noexcept {
        T* node = front();
        static_cast<list_node*>(node)->unlink();
        return node;
    }

    // Moves everything in `other` behind what is here.
    void splice_back(list& other) noexcept {
        if (other.empty()) return;
        list_node* first = other.head_.next;
        list_node* last = other.head_.prev;
        first->prev = head_.prev;
        head_.prev->next = first;
        last->next = &head_;
        head_.prev = last;
        other.head_.next = other.head_.prev = &other.head_;
    }

private:
    static void insert_before(list_node* where, list_node* node) noexcept {
        node->next = where;
        node->prev = where->prev;
        where->prev->next = node;
        where->prev = node;
    }

    list_node head_;
};

}  // namespace async::inline v0::detail
