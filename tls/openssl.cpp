// SPDX-License-Identifier: MIT
#include "openssl.h"

#include <arpa/inet.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>

namespace rondo::tls {
namespace {

/// What a peer may have written, as a part of one short line. What is not printable ASCII may not
/// reach a log or a terminal.
std::string text_of(const ASN1_STRING& text) {
  constexpr std::size_t size_max = 253;  // a name in DNS has no more
  const auto* const data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(&text));
  std::string shown{data, std::min(static_cast<std::size_t>(ASN1_STRING_length(&text)), size_max)};
  std::replace_if(shown.begin(), shown.end(), [](char one) { return one < ' ' || one > '~'; }, '?');
  return shown;
}

std::string contents_of(BIO& memory) {
  char* start = nullptr;
  const long length = BIO_get_mem_data(&memory, &start);
  return {start, static_cast<std::size_t>(length)};
}

/// An address, or empty if the bytes are none.
std::string address_of(const ASN1_OCTET_STRING& bytes) {
  const int size = ASN1_STRING_length(&bytes);
  if (size != 4 && size != 16) return {};
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(&bytes), text,
                     sizeof text);
}

std::string common_name_of(const X509& certificate) {
  const X509_NAME* const subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  return text_of(*X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

std::tm calendar_of(const ASN1_TIME& time) {
  std::tm calendar{};
  if (ASN1_TIME_to_tm(&time, &calendar) != 1) ERR_clear_error();
  return calendar;
}

}  // namespace

void begin_openssl() {
  static const int begun = OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr);
  demand(begun);
}

std::vector<std::string> names_of(const X509& certificate) {
  std::vector<std::string> names;
  const Owned<GENERAL_NAMES> alternatives{static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr))};
  for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME& name = *sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name.type == GEN_DNS) names.push_back(text_of(*name.d.dNSName));
    if (name.type == GEN_IPADD) names.push_back(address_of(*name.d.iPAddress));
  }
  return names;
}

std::string name_list(const X509& certificate) {
  std::string list;
  std::vector<std::string> names = names_of(certificate);
  if (names.empty()) names.push_back(common_name_of(certificate));
  for (const std::string& name : names) {
    if (list.size() > 200) return list + ", ...";
    if (!list.empty()) list += ", ";
    list += name;
  }
  return list.empty() ? "no name" : list;
}

bool has_common_name_alone(const X509& certificate) {
  return X509_get_ext_by_NID(&certificate, NID_subject_alt_name, -1) < 0 &&
         !common_name_of(certificate).empty();
}

std::string subject_of(const X509_NAME& name) {
  const Owned<BIO> text = own(BIO_new(BIO_s_mem()));
  (void)X509_NAME_print_ex(text.get(), &name, 0, XN_FLAG_RFC2253);  // empty if it cannot
  return contents_of(*text);
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME& time) {
  std::tm calendar = calendar_of(time);
  return std::chrono::system_clock::from_time_t(::timegm(&calendar));
}

std::string date_of(const ASN1_TIME& time) {
  const std::tm calendar = calendar_of(time);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &calendar)};
}

std::string alpn_list(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255)
      throw std::invalid_argument{"a name of a protocol (ALPN) has 1 to 255 bytes"};
    list += static_cast<char>(name.size());
    list += name;
  }
  return list;
}

}  // namespace rondo::tls
