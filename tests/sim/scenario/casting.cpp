// SPDX-License-Identifier: MIT
// The choice of actors: of callbacks, or, in half of the scenes, every other one of coroutines.
#include "actor.h"
#include "cast.h"
#include "scene.h"

namespace rondo::sim::scenario {

std::unique_ptr<Actor> Scene::echo_server(Site& site, std::string_view where) {
  return plays_tasks() ? make_task_echo_server(site, where) : make_echo_server(site, where);
}

std::unique_ptr<Actor> Scene::source(Site& site) {
  const std::string where = at(server_address, source_port);
  return plays_tasks() ? make_task_source(site, where) : make_source(site, where);
}

std::unique_ptr<Actor> Scene::line_server(Site& site) {
  const std::string where = at(server_address, line_port);
  return plays_tasks() ? make_task_line_server(site, where) : make_line_server(site, where);
}

std::unique_ptr<Actor> Scene::datagram_server(Site& site, std::string_view where) {
  return plays_tasks() ? make_task_datagram_server(site, where) : make_datagram_server(site, where);
}

std::unique_ptr<Actor> Scene::ferry(Site& site) {
  return plays_tasks() ? make_task_ferry(site, unix_ferry) : make_ferry(site, unix_ferry);
}

Actor& Scene::add_talker(Site& site, std::string_view target, Mood mood) {
  return site.add(plays_tasks() ? make_task_talker(site, target, mood)
                                : make_talker(site, target, mood));
}

Actor& Scene::add_drinker(Site& site, Mood mood) {
  const std::string target = at(server_address, source_port);
  return site.add(plays_tasks() ? make_task_drinker(site, target, mood)
                                : make_drinker(site, target, mood));
}

Actor& Scene::add_datagram_client(Site& site, std::string_view target) {
  return site.add(plays_tasks() ? make_task_datagram_client(site, target)
                                : make_datagram_client(site, target));
}

Actor& Scene::add_passenger(Site& site) {
  return site.add(plays_tasks() ? make_task_passenger(site, unix_ferry)
                                : make_passenger(site, unix_ferry));
}

Actor& Scene::add_line_client(Site& site, Mood mood) {
  const std::string target = at(server_address, line_port);
  return site.add(plays_tasks() ? make_task_line_client(site, target, mood)
                                : make_line_client(site, target, mood));
}

Actor& Scene::add_returner(Site& site, std::string_view target) {
  return site.add(plays_tasks() ? make_task_returner(site, target) : make_returner(site, target));
}

Actor& Scene::add_clockwork(Site& site) {
  return site.add(plays_tasks() ? make_task_clockwork(site) : make_clockwork(site));
}

Actor& Scene::add_worker(Site& site) {
  return site.add(plays_tasks() ? make_task_worker(site) : make_worker(site));
}

}  // namespace rondo::sim::scenario
