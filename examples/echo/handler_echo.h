// echo, written with registered handlers: the reactor pattern itself.
#pragma once

#include "service.h"

namespace echo {

MakeService make_handler_service;

}  // namespace echo
