// echo, written with sessions: what a rondo server looks like.
#pragma once

#include "service.h"

namespace echo {

MakeService make_session_service;

}  // namespace echo
