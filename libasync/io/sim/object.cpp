#include <libasync/io/sim/object.hpp>

namespace async::inline v0::io::sim {

native_handle descriptor_table::add(std::shared_ptr<object> o) noexcept {
    if (open_ >= limit) return invalid_handle;
    ++open_;
    o->retain();
    for (std::size_t i = 0; i < objects_.size(); ++i) {
        if (objects_[i]) continue;
        objects_[i] = std::move(o);
        return first + static_cast<native_handle>(i);
    }
    objects_.push_back(std::move(o));
    return first + static_cast<native_handle>(objects_.size() - 1);
}

std::shared_ptr<object> descriptor_table::find(native_handle handle) const noexcept {
    const native_handle index = handle - first;
    if (index < 0 || index >= static_cast<native_handle>(objects_.size())) return nullptr;
    return objects_[static_cast<std::size_t>(index)];
}

bool descriptor_table::remove(native_handle handle) noexcept {
    const std::shared_ptr<object> o = find(handle);
    if (!o) return false;
    objects_[static_cast<std::size_t>(handle - first)] = nullptr;
    --open_;
    o->release();
    return true;
}

}  // namespace async::inline v0::io::sim
