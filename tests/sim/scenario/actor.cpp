// SPDX-License-Identifier: MIT
#include "actor.h"

namespace rondo::sim::scenario {

Actor::Actor(Site& site, std::string_view role)
    : site_(site),
      who_(std::string{site.host.address()} + ' ' + std::string{role} + ' ' +
           std::to_string(site.actors().size())) {}

void Actor::act_up(Site& site) {
  Scene& scene = site.scene;
  Faults& faults = scene.world.faults();
  const auto& actors = site.actors();
  if (!actors.empty() && faults.strikes(Fault::destroying_callback)) {
    actors[scene.draw(actors.size())]->destroy_something();
  }
  if (!actors.empty() && faults.strikes(Fault::stopping_callback)) {
    actors[scene.draw(actors.size())]->stop_something();
    if (scene.one_in(4))
      site.reactor().stop();  // for a reactor that runs itself; otherwise stop() does nothing
  }
  if (faults.strikes(Fault::throwing_callback)) throw Mischief{};
}

std::string text_from(std::uint64_t key, std::uint64_t start, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = byte_at(key, start + i);
  return text;
}

}  // namespace rondo::sim::scenario
