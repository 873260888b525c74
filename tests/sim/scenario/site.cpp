// SPDX-License-Identifier: MIT
#include "scene.h"

#include <utility>

#include "actor.h"

namespace rondo::sim::scenario {

Site::Site(Scene& of_scene, std::string_view address)
    : scene(of_scene), host(of_scene.world.host(address)) {}

Site::~Site() { shut_down(); }

void Site::boot() {
  if (is_up()) return;
  if (!host.is_up()) host.restart();
  reactor_ = drives ? std::make_unique<Reactor>(host.driving_backend())
                    : std::make_unique<Reactor>(host.backend());
  for (Role& role : roles_) add(role(*this));
}

void Site::plays(Role role) {
  roles_.push_back(std::move(role));
  if (is_up()) add(roles_.back()(*this));
}

Actor& Site::add(std::unique_ptr<Actor> actor) {
  actors_.push_back(std::move(actor));
  return *actors_.back();
}

void Site::crash() {
  host.crash();
  shut_down();
}

void Site::shut_down() {
  while (!actors_.empty()) actors_.pop_back();
  reactor_.reset();
}

}  // namespace rondo::sim::scenario
